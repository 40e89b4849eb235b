// What a scenario is to the command: a name, the proxies that take part, and a run that ends in a section of the page.
import type { Cleanup } from '../../../test/kit/process.js'
import type { Certificate, Tools } from '../install.js'
import type { PeerName } from '../peers/index.js'

export interface Bench {
  readonly cleanup: Cleanup
  readonly folder: string
  readonly tools: Tools
  readonly certificate: Certificate
  readonly httpOriginPort: number
  readonly echoOriginPort: number
  /** The checkout whose build of ours is measured. */
  readonly ours: string
  readonly rounds: number
  readonly seconds: number
  /** Millions of requests of the long run. */
  readonly millions: number
  /** Those of a scenario's proxies that were asked for. */
  chosen(peers: readonly PeerName[]): readonly PeerName[]
  /** A line for whoever watches. */
  say(line: string): void
}

export interface Scenario {
  /** As in the page's markers. */
  readonly name: string
  readonly peers: readonly PeerName[]
  /** Runs only when it is named. */
  readonly onlyNamed?: true
  /** Resolves with markdown. */
  run(bench: Bench): Promise<string>
}
