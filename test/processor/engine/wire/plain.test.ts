// The contract of a wire over plain connections, from both sides and on both of its grounds.
import { wireContract } from '../../../contract/wire.js'
import { wireEndsContract } from '../../../contract/wire-ends.js'

for (const made of ['accepted', 'dialled'] as const) {
  for (const useSockets of [false, true]) {
    const kind = { made, secure: false, useSockets }
    wireContract(kind)
    wireEndsContract(kind)
  }
}
