// The command line of the bench.
import { parseArgs } from 'node:util'
import { PEERS, isPeerName } from './peers/index.js'
import type { PeerName } from './peers/index.js'
import { SCENARIOS, scenariosNamed } from './scenarios/index.js'
import type { Scenario } from './scenarios/scenario.js'

export interface Flags {
  readonly scenarios: readonly Scenario[]
  /** Undefined: all that a scenario has. */
  readonly peers: readonly PeerName[] | undefined
  readonly rounds: number
  readonly seconds: number
  readonly millions: number
  readonly ours: string
  readonly write: boolean
}

export const HELP = `npm run bench:proxy -- [flags]

  --scenario LIST   of ${SCENARIOS.map(({ name }) => name).join(', ')}; "small" takes all that begin with it
  --peers LIST      of ${Object.keys(PEERS).join(', ')}; nothing is written then
  --rounds 7        interleaved rounds, of which medians are taken
  --seconds 1       of each burst
  --quick           one round of one second, and nothing is written
  --million N       the long run, with N million requests
  --ours FOLDER     another built checkout of ours; nothing is written then
  --no-write        leave docs/performance.md as it is
`

/** Undefined when help was asked for. */
export function parseFlags(args: readonly string[], root: string): Flags | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: 'string' },
      peers: { type: 'string' },
      rounds: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '1' },
      quick: { type: 'boolean', default: false },
      million: { type: 'string' },
      ours: { type: 'string' },
      'no-write': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const named = values.scenario?.split(',') ?? (values.million === undefined ? undefined : ['long-run'])
  return {
    scenarios: named ? scenariosNamed(named) : SCENARIOS.filter(({ onlyNamed }) => !onlyNamed),
    peers: values.peers?.split(',').map(peerNamed),
    rounds: values.quick ? 1 : count('rounds', values.rounds),
    seconds: values.quick ? 1 : count('seconds', values.seconds),
    millions: count('million', values.million ?? '1'),
    ours: values.ours ?? root,
    // A table that lacks rows, or is of another build, must not take the place of a whole one.
    write: !values['no-write'] && !values.quick && values.peers === undefined && values.ours === undefined,
  }
}

function peerNamed(name: string): PeerName {
  if (!isPeerName(name)) throw new Error(`unknown proxy "${name}": choose from ${Object.keys(PEERS).join(', ')}`)
  return name
}

function count(flag: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${flag} takes a whole number from 1`)
  return value
}
