// The ping probe: ICMP echo by the system's programs, fping where it is installed, else ping.
import builders from 'ping/lib/builder/factory.js'
import parsers from 'ping/lib/parser/factory.js'
import type { Clock } from '../../../shared/clock.js'
import type { Log } from '../../../shared/log.js'
import { createBinary } from './binary.js'
import type { Echo } from './echo.js'
import { describeFailure } from './failure.js'
import { createFping } from './fping.js'
import { attempt, ownFault, passed, silent, type Finding, type Probe } from './probe.js'
import type { Resolver } from './resolve.js'
import { run } from './run.js'

const MISSING: Finding = {
  verdict: 'inconclusive',
  status: 'unknown',
  response: 'ping is not installed: install the package iputils-ping (or fping)',
}

const MAX_OUTPUT_CHARS = 8192

export interface PingDeps {
  readonly clock: Clock
  readonly log: Log
  readonly resolver: Resolver
  /** Where the programs are looked for, as in the environment variable PATH. */
  readonly searchPath: string
}

export function createPingProbe(deps: PingDeps): Probe<'ping'> {
  const { clock, log, resolver, searchPath } = deps
  const ping = createBinary('ping', searchPath, { clock })
  const fpingBinary = createBinary('fping', searchPath, { clock })
  const fping = createFping({ clock, log, binary: fpingBinary })

  return ({ spec, polling }, signal) =>
    attempt(polling.timeoutMs, signal, deps, (finish) => {
      let stopped = false
      let giveUp: () => void = () => undefined

      function conclude(echo: Echo): void {
        if (echo.kind === 'reply') finish(passed(`echo reply in ${echo.latencyMs} ms`), echo.latencyMs)
        else finish(echo.kind === 'none' ? silent(echo.reason) : ownFault(echo.reason))
      }

      function askPing(address: string): void {
        const path = ping.find()
        if (path === undefined) return finish(MISSING)
        giveUp = pingOnce(path, address, polling.timeoutMs, conclude)
      }

      // A name never reaches a program: a slow resolver would hold up a whole batch, and nothing could stop it.
      resolver.address(spec.host).then(
        (address) => {
          if (stopped) return
          if (fpingBinary.find() === undefined) return askPing(address)
          giveUp = fping.echo(address, polling.timeoutMs, (echo) => {
            if (echo.kind === 'unable') askPing(address)
            else conclude(echo)
          })
        },
        (error: NodeJS.ErrnoException) => finish(describeFailure(error)),
      )
      return {
        stop() {
          stopped = true
          giveUp()
        },
        late: () => silent(`no echo reply within ${polling.timeoutMs} ms`),
      }
    })
}

/** The package knows each system's arguments and output; the process is run here, where it can be bounded and killed. */
function pingOnce(path: string, address: string, timeoutMs: number, answer: (echo: Echo) => void): () => void {
  const seconds = Math.ceil(timeoutMs / 1000)
  const platform = process.platform
  // On Linux `ping` takes both families, and `ping6` may be missing.
  const v6 = platform !== 'linux' && address.includes(':')
  const options = { timeout: seconds, deadline: seconds, v6 }
  const args = builders.createBuilder(platform).getCommandArguments(address, options)
  return run(
    { path, args, input: '', maxOutputChars: MAX_OUTPUT_CHARS },
    ({ exitCode, output, error }) => {
      const latencyMs = error ? undefined : parseReply(address, platform, output)
      if (latencyMs !== undefined) return answer({ kind: 'reply', latencyMs })
      if (exitCode === 1) return answer({ kind: 'none', reason: 'no echo reply' })
      const said = error?.message ?? output.trim().split('\n')[0] ?? ''
      const kind = /network is unreachable|no route to host/i.test(said) ? 'none' : 'unable'
      answer({ kind, reason: kind === 'none' ? 'network unreachable' : `ping fails: ${said}` })
    },
    () => undefined,
  )
}

/** Milliseconds, or undefined without a reply: the package's parser throws at lines that it does not expect. */
function parseReply(address: string, platform: string, output: string): number | undefined {
  try {
    const parser = parsers.createParser(address, platform)
    for (const line of output.split('\n')) parser.eat(line)
    const { alive, time } = parser.getResult()
    return alive ? Number(time) : undefined
  } catch {
    return undefined
  }
}
