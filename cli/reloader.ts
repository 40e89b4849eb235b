// Takes a changed config file into a running server: read, checked, planned, put in force; one at a time, and never half.
import type { ConfigReloads, Planned } from '../discovery/api/deps.js'
import type { Clock } from '../shared/clock.js'
import { applicable } from '../shared/config/applicable.js'
import type { Config, Parsed, Problem } from '../shared/config/model.js'
import { createPlan } from '../shared/config/plan.js'
import { planCounts } from '../shared/config/plan-text.js'
import { formatProblems } from '../shared/config/problem.js'
import { isSameConfig } from '../shared/config/same.js'
import type { Log } from '../shared/log.js'
import type { PortTrial } from './port-trial.js'

export interface Reloader {
  readonly reloads: ConfigReloads
  /** What a reload would do now; nothing is changed. */
  plan(): Promise<Planned>
  /** `cause`: who asked, for the log. A file with faults changes nothing. */
  reload(cause: string): Promise<Planned>
}

export interface ReloaderDeps {
  readonly clock: Pick<Clock, 'wall'>
  readonly log: Log
  /** Reads the file anew. */
  readonly load: () => Promise<Parsed>
  /** Puts a config in force, or says why it cannot be: nothing has changed then. */
  readonly apply: (config: Config) => Promise<readonly Problem[]>
  readonly ports: PortTrial
}

/** `config`: what is in force. */
export function createReloader(config: Config, { clock, log, load, apply, ports }: ReloaderDeps): Reloader {
  let current = config
  let reloads: ConfigReloads = { ok: 0, failed: 0, lastOk: true, lastAt: undefined, problems: [] }
  let last: Promise<unknown> = Promise.resolve()

  async function take(cause: string): Promise<Planned> {
    const parsed = await load()
    const lastAt = clock.wall()
    if (!parsed.ok) return refuse(cause, parsed.problems)
    for (const line of formatProblems(parsed.warnings)) log.warn({}, line)
    const plan = createPlan(current, parsed.config)
    const next = applicable(current, parsed.config)
    const same = isSameConfig(next, current)
    const problems = same ? [] : await apply(next)
    if (problems.length > 0) return refuse(cause, problems)
    for (const key of plan.restart) log.warn({ key }, 'this setting needs a restart; the old value stays')
    if (same) log.info({ cause }, 'the config is as it was')
    else {
      current = next
      log.info({ cause, ...planCounts(plan) }, 'the config was reloaded')
    }
    reloads = { ok: reloads.ok + 1, failed: reloads.failed, lastOk: true, lastAt, problems: [] }
    return { ok: true, plan }
  }

  async function foresee(): Promise<Planned> {
    const parsed = await load()
    if (!parsed.ok) return { ok: false, problems: parsed.problems }
    const problems = await ports.refused(applicable(current, parsed.config))
    if (problems.length > 0) return { ok: false, problems }
    const plan = createPlan(current, parsed.config)
    return { ok: true, plan: { ...plan, blocked: await ports.blocked(current, parsed.config) } }
  }

  function inTurn(run: () => Promise<Planned>): Promise<Planned> {
    const turn = last.then(run)
    last = turn.catch(() => undefined)
    return turn
  }

  function refuse(cause: string, problems: readonly Problem[]): Planned {
    reloads = { ...reloads, failed: reloads.failed + 1, lastOk: false, lastAt: clock.wall(), problems }
    for (const line of formatProblems(problems)) log.error({}, line)
    log.error({ cause, faults: problems.length }, 'the config file has faults: the one before stays in force')
    return { ok: false, problems }
  }

  return {
    get reloads() {
      return reloads
    },
    // In turn, too: a port that is being tried could not be opened.
    plan: () => inTurn(foresee),
    // Each reads the file when its turn has come, so that the last content wins.
    reload: (cause) => inTurn(() => take(cause)),
  }
}
