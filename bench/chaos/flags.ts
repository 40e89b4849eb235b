// The command line of the bench.
import { parseArgs } from 'node:util'
import { FAULTS } from './faults/index.js'
import type { ChaosPart, Choice } from './part.js'
import { PEERS } from './peers/index.js'
import { death } from './trials/death.js'
import { faults } from './trials/faults.js'
import { mixed } from './trials/mixed.js'
import { overload } from './trials/overload.js'
import { storm } from './trials/storm.js'
import type { Times } from './trials/trial.js'

const PARTS: Readonly<Record<string, ChaosPart>> = { faults, death, storm, overload, mixed }
const RATES = [100, 1000]
const MINUTES = 10

export interface Flags extends Choice {
  readonly parts: Readonly<Record<string, ChaosPart>>
  readonly times: Times
  readonly ours: string
  readonly write: boolean
}

export const HELP = `npm run bench:chaos -- [flags]

  --only LIST       of ${Object.keys(PARTS).join(', ')}; mixed takes part only when it is named, or with --minutes
  --faults LIST     of ${Object.keys(FAULTS).join(', ')}; nothing is written then
  --rates LIST      requests per second (${RATES.join(',')}); nothing is written then
  --peers LIST      of ${Object.keys(PEERS).join(', ')}; nothing is written then
  --seconds 4       how long a fault lasts
  --minutes ${MINUTES}      how long faults of every kind follow each other
  --quick           faults of two seconds, and nothing is written
  --ours FOLDER     another built checkout of ours; nothing is written then
  --no-write        leave docs/resilience.md as it is

Exits with 1 when a promise is broken.
`

/** Undefined when help was asked for. */
export function parseFlags(args: readonly string[], root: string): Flags | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      faults: { type: 'string' },
      rates: { type: 'string' },
      peers: { type: 'string' },
      seconds: { type: 'string' },
      minutes: { type: 'string' },
      quick: { type: 'boolean', default: false },
      ours: { type: 'string' },
      'no-write': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const usual = Object.keys(PARTS).filter((name) => name !== 'mixed' || values.minutes !== undefined)
  const parts = values.only === undefined ? usual : chosen('part', values.only, PARTS)
  const seconds = values.seconds === undefined ? (values.quick ? 2 : 4) : positive('seconds', values.seconds)
  const some = values.faults ?? values.rates ?? values.peers ?? values.ours
  return {
    parts: Object.fromEntries(parts.map((name) => [name, PARTS[name] as ChaosPart])),
    faults: values.faults === undefined ? Object.keys(FAULTS) : chosen('fault', values.faults, FAULTS),
    rates: values.rates?.split(',').map((text) => positive('rates', text)) ?? RATES,
    peers: values.peers === undefined ? Object.keys(PEERS) : chosen('proxy', values.peers, PEERS),
    minutes: values.minutes === undefined ? MINUTES : positive('minutes', values.minutes),
    times: { warmMs: values.quick ? 1000 : 2000, faultMs: seconds * 1000, recoveryMs: values.quick ? 2000 : 3000 },
    ours: values.ours ?? root,
    // A table that lacks rows, or is of another build, must not take the place of a whole one.
    write: !values['no-write'] && !values.quick && some === undefined,
  }
}

function chosen(what: string, list: string, from: Readonly<Record<string, unknown>>): string[] {
  const names = list.split(',')
  const unknown = names.find((name) => !Object.hasOwn(from, name))
  if (unknown !== undefined)
    throw new Error(`unknown ${what} "${unknown}": choose from ${Object.keys(from).join(', ')}`)
  return names
}

function positive(flag: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`--${flag} takes a number above 0`)
  return value
}
