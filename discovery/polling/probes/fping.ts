// ICMP echo for many hosts by one process: what falls due together is asked together, at a fraction of ping's cost.
import type { Clock } from '../../../shared/clock.js'
import type { Log } from '../../../shared/log.js'
import type { Binary } from './binary.js'
import type { Echo } from './echo.js'
import { run } from './run.js'

export interface Fping {
  /** `address` is numeric. `answer` is called at most once; the returned function gives the question up. */
  echo(address: string, timeoutMs: number, answer: (echo: Echo) => void): () => void
}

const GATHER_MS = 20

// Requests leave a millisecond apart, so a larger batch would eat into the time of its last ones.
const MAX_BATCH = 200

const LINE_CHARS = 256

interface Batch {
  /** By address: who still waits. */
  readonly answers: Map<string, Set<(echo: Echo) => void>>
  kill?: () => void
}

/** `binary` has found the program when `echo` is called; if it fails all the same, the answers are `unable`. */
export function createFping(deps: { readonly clock: Clock; readonly log: Log; readonly binary: Binary }): Fping {
  const { clock, log, binary } = deps
  /** Being gathered, by timeout: it is one for a whole batch. */
  const gathering = new Map<number, Batch>()

  function gather(timeoutMs: number): Batch {
    const known = gathering.get(timeoutMs)
    if (known && known.answers.size < MAX_BATCH) return known
    const batch: Batch = { answers: new Map() }
    gathering.set(timeoutMs, batch)
    clock.after(GATHER_MS, () => {
      if (gathering.get(timeoutMs) === batch) gathering.delete(timeoutMs)
      if (batch.answers.size > 0) send(batch, timeoutMs)
    })
    return batch
  }

  function send(batch: Batch, timeoutMs: number): void {
    function settle(address: string, echo: Echo): void {
      const answers = batch.answers.get(address) ?? []
      batch.answers.delete(address)
      for (const answer of answers) answer(echo)
    }

    function giveUp(reason: string): void {
      for (const address of [...batch.answers.keys()]) settle(address, { kind: 'unable', reason })
    }

    const path = binary.find()
    if (path === undefined) return giveUp('fping is not installed')
    batch.kill = run(
      {
        path,
        args: ['-c', '1', '-i', '1', '-t', String(Math.ceil(timeoutMs))],
        input: [...batch.answers.keys()].join('\n') + '\n',
        maxOutputChars: batch.answers.size * 4 * LINE_CHARS,
      },
      ({ exitCode, output, error }) => {
        const reason = error?.message ?? output.trim().slice(-LINE_CHARS)
        // 1 and 2: some did not answer, some are no addresses.
        if (batch.answers.size > 0 && (exitCode === null || exitCode > 2)) {
          log.warn({ exitCode, reason }, 'fping fails; using ping for a while')
          binary.miss()
        }
        giveUp(`fping fails: ${reason}`)
      },
      (line) => {
        const found = parseLine(line)
        if (found) settle(found.address, found.echo)
      },
    )
  }

  return {
    echo(address, timeoutMs, answer) {
      const batch = gather(timeoutMs)
      const answers = batch.answers.get(address) ?? new Set()
      answers.add(answer)
      batch.answers.set(address, answers)
      return () => {
        answers.delete(answer)
        if (answers.size > 0 || batch.answers.get(address) !== answers) return
        batch.answers.delete(address)
        if (batch.answers.size === 0) batch.kill?.()
      }
    },
  }
}

/** One line of `fping -c 1`, where it tells how a host fares. */
export function parseLine(line: string): { readonly address: string; readonly echo: Echo } | undefined {
  const reply = /^(\S+)\s*: \[0\], \d+ bytes, ([\d.]+) ms/.exec(line)
  if (reply?.[1]) return { address: reply[1], echo: { kind: 'reply', latencyMs: Number(reply[2]) } }
  const lost = /^(\S+)\s*: (?:\[0\], timed out|xmt\/rcv\/%loss = \d+\/0\/)/.exec(line)
  if (lost?.[1]) return { address: lost[1], echo: { kind: 'none', reason: 'no echo reply' } }
  const refused = /^ICMP (.{1,80}) from (\S+) for ICMP Echo sent to (\S+)/.exec(line)
  if (refused?.[3]) return { address: refused[3], echo: { kind: 'none', reason: `${refused[1]} from ${refused[2]}` } }
  return undefined
}
