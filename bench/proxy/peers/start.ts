// Starts a proxy and waits until a request has come through it.
import { mkdirSync } from 'node:fs'
import { request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'
import { join } from 'node:path'
import { freePort } from '../../../test/kit/ports.js'
import type { RunningProcess } from '../../../test/kit/process.js'
import { waitFor } from '../../../test/kit/wait.js'
import { PATHS } from '../requests.js'
import { PEERS } from './index.js'
import type { PeerName } from './index.js'
import { Refused } from './peer.js'
import type { PeerKind, Setup } from './peer.js'

export interface Peer {
  readonly name: PeerName
  readonly label: string
  readonly kind: PeerKind
  readonly port: number
  readonly process: RunningProcess
}

/** What `serverpy` exits with when its config is wrong. */
const CONFIG_EXIT = 2

export async function startPeer(name: PeerName, stage: Omit<Setup, 'port'>): Promise<Peer> {
  const kind: PeerKind = PEERS[name]
  const folder = join(stage.folder, name)
  mkdirSync(folder)
  const port = await freePort()
  const running = await kind.start({ ...stage, folder, port })
  const over = running.exited.then(({ code, signal }): never => {
    const text = `${name} ended (${signal ?? code}) before it answered:\n${running.output().trim()}`
    throw code === CONFIG_EXIT && kind.supervised ? new Refused(text) : new Error(text)
  })
  const passes = waitFor(() => answers(port, stage.tls !== undefined), {
    timeoutMs: 20_000,
    intervalMs: 50,
    what: `${name} to answer`,
  })
  over.catch(() => undefined) // Ends after us in the usual case.
  passes.catch(() => undefined) // Goes on for a while where the other one has failed.
  await Promise.race([passes, over])
  return { name, label: kind.label(stage.ours), kind, port, process: running }
}

function answers(port: number, secure: boolean): Promise<boolean> {
  const options = { host: '127.0.0.1', port, path: PATHS.small, agent: false, rejectUnauthorized: false } as const
  return new Promise((resolve, reject) => {
    const sent = (secure ? requestSecure : requestPlain)(options, (answer) => {
      answer.resume()
      answer.on('end', () => resolve(answer.statusCode === 200))
    })
    sent.on('error', reject)
    sent.setTimeout(2000, () => sent.destroy(new Error('no answer')))
    sent.end()
  })
}
