// Through a real gateway, cut in two at every byte: what arrives, and what is answered, is the same each time.
import type { RequestsCase } from '../cases.js'
import { small } from '../generate/cases.js'
import { isLive, startChecking } from './live-requests.js'
import type { Property } from './property.js'

export const liveSplits: Property<RequestsCase> = {
  name: 'live-splits',
  suits: (tried) => isLive(tried) && tried.bytes.length <= SMALL,
  cases: small,
  round: 4,
  start: (t) => startChecking(t, ({ bytes }) => everySplit(bytes)),
}

/** Each byte of a case is a run of its own. */
const SMALL = 400

function everySplit(bytes: string): string[][] {
  return Array.from(bytes, (_, cut) => [bytes.slice(0, cut), bytes.slice(cut)].filter((piece) => piece !== ''))
}
