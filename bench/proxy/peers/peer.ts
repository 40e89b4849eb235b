// What a proxy under comparison is to the bench: how it is named, what it needs, how it is started.
import type { Cleanup, RunningProcess } from '../../../test/kit/process.js'
import type { Certificate } from '../install.js'
import { PROXY_CORE, startPinned } from '../pinned.js'

export interface Setup {
  readonly cleanup: Cleanup
  /** The peer's own. */
  readonly folder: string
  readonly port: number
  readonly originPort: number
  readonly workers: number
  /** With it the port speaks HTTPS. */
  readonly tls: Certificate | undefined
  /** Whether clients may switch to WebSocket; most proxies need not be told. */
  readonly websocket: boolean
  /** The checkout whose build of ours is measured. */
  readonly ours: string
}

export interface PeerKind {
  /** Its name and version, for the table. */
  label(ours: string): string
  /** Commands that it needs, or that it comes from npm. */
  readonly needs: readonly string[] | 'npm'
  /** Whether only the processes below the first one handle requests; the first has other work, and a row of its own. */
  readonly supervised?: true
  start(setup: Setup): Promise<RunningProcess>
}

/** A proxy that does not take the config of a scenario, because it lacks what the scenario is about. */
export class Refused extends Error {}

export function startProxy(
  command: readonly string[],
  { cleanup, folder }: Setup,
  env: Record<string, string> = {},
): Promise<RunningProcess> {
  return startPinned(PROXY_CORE, command, { t: cleanup, cwd: folder, env: { NODE_ENV: 'production', ...env } })
}
