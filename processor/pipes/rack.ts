// The pipes of one worker: loaded once for each place in the config, kept over a reload where nothing about them changed,
// and closed when the last exchange has left them.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { allPipes } from '../../shared/config/all-pipes.js'
import type { Config, PipeConfig } from '../../shared/config/model.js'
import { moduleDigest } from '../../shared/config/pipes/find-module.js'
import type { Log } from '../../shared/log.js'
import { PipeSums } from '../../shared/metrics/pipe-sums.js'
import type { Report } from '../../shared/metrics/report.js'
import type { Calling, Call } from '../call.js'
import type { Wheel } from '../engine/wheel.js'
import { alone } from './alone.js'
import { BUILT_INS } from './builtin/index.js'
import { mayBlame } from './blame.js'
import { createBreaks } from './breaks.js'
import { Chain } from './chain.js'
import { checkOptions, importDefinition } from './definition.js'
import { foreignPipe } from './foreign.js'
import type { MachineState } from './machine-state.js'
import { pipeOf } from './made.js'
import { Meter } from './meter.js'
import { createLeftovers } from './leftovers.js'
import { isSameOwner, type Owners, ownersOf } from './owners.js'
import type { Pipe, PipeDefinition } from './pipe.js'
import { type Condition, Step, textOf } from './step.js'
import { createTools } from './tools.js'

export interface RackDeps {
  readonly wheel: Wheel
  readonly log: Log
  readonly machine: MachineState
  /** Asks a service; there is nobody to ask before the gateway stands. */
  readonly call: (call: Call) => Calling
}

export interface Rack {
  readonly machine: MachineState
  /** Loads what a config needs. Never rejects: a pipe that cannot be had fails its exchanges. Undefined: nothing to load. */
  prepare(config: Config): Promise<void> | undefined
  /** The pipes at these places, in order; undefined where there are none. They must have been prepared. */
  chain(pipes: readonly PipeConfig[]): Chain | undefined
  /** The chains made since the last `settle` are in force: what only older ones used is closed when they are empty. */
  settle(): void
  /** Exchanges may still come to what is in force now; the function that is returned ends that. */
  hold(): () => void
  /** Every pipe that is loaded. */
  readonly steps: Iterable<Step>
  /**
   * What the pipes have counted since the last call, those included that have left; with `states` also how they stand, and
   * what they have counted while no exchange was in them.
   */
  take(states: boolean): Pick<Report, 'pipes' | 'pipeStates'>
  close(): Promise<void>
}

const MOST_LOADING_MS = 10_000
/** Requests wait for so long at most while the pipes of a large config are prepared. */
const MOST_BUSY_MS = 10

const NOBODY: Owners = new Set()

interface Loaded {
  readonly step: Step
  readonly meter: Meter
  /** Everything that makes it another pipe when it changes. */
  readonly identity: string
  /** The same without what its module holds. */
  readonly likeness: string
  /** Whose it is, by the config that is in force. */
  owners: Owners
  readonly close: () => Promise<void>
  chains: number
}

export function createRack(deps: RackDeps): Rack {
  const { log, wheel } = deps
  /** By place. */
  let current = new Map<string, Loaded>()
  let coming: Map<string, Loaded> | undefined
  let chains: { chain: Chain; parts: readonly Loaded[] }[] = []
  let fresh: typeof chains = []
  /** Not in the config any more, but exchanges may be in them. */
  const leaving = new Set<Loaded>()
  /** Counts that are to be told. */
  const counted = new PipeSums()

  function count({ step, meter }: Pick<Loaded, 'step' | 'meter'>): void {
    const grown = meter.take()
    if (grown.length > 0) counted.add(step.name, grown)
  }

  /** Of the config that is in force, or is about to be. */
  let workers = 1
  let layout = ''

  async function load(config: PipeConfig, owners: Owners, directory: string, before?: Loaded): Promise<Loaded> {
    const timers = new Set<() => void>()
    const tools = createTools(config, directory, `${layout} ${placeOf(config)}`, () => workers, timers, deps)
    let pipe: Pipe | undefined
    let buffered = config.buffer ?? {}
    let condition: Condition | undefined
    if (config.module !== undefined && config.isolate === 'none') mayBlame(config.module, config.name)
    try {
      if (before !== undefined) await checkUnchanged(config)
      if (config.when !== undefined) {
        const { compileCondition } = await import('./cel.js')
        condition = compileCondition(config.when, tools.log, 'serverpy', true, config.guards)
      }
      if (config.module !== undefined && config.isolate === 'thread') {
        const { createThreadPipe } = await import('./thread/host.js')
        const threaded = await createThreadPipe(config, tools)
        pipe = threaded.pipe
        buffered = { ...threaded.buffer, ...buffered }
      } else {
        const definition =
          config.module === undefined
            ? await builtIn(config.use)
            : await soon(importDefinition(config.module, config.digest))
        const make = async () => {
          const options = await checked(definition, config.options)
          const own = typeof definition.buffer === 'function' ? definition.buffer(options) : definition.buffer
          return { own, made: await definition.create(options, tools) }
        }
        const making = config.module === undefined ? make() : alone().then(make)
        const { own, made } = await soon(making, (late) => late.made.close?.())
        buffered = { ...own, ...buffered }
        pipe = config.module === undefined ? made : foreignPipe(pipeOf(made, tools.log), config.name)
      }
    } catch (error) {
      const what = before === undefined ? 'made: its exchanges fail' : 'made anew: the one before goes on'
      log.error({ pipe: config.name, error: textOf(error) }, `a pipe could not be ${what}`)
    }
    if (pipe === undefined && before !== undefined) {
      for (const cancel of timers) cancel()
      return before
    }
    const step = new Step(config, pipe, buffered, condition, { wheel, log })
    const meter = new Meter(step)
    const loaded: Loaded = {
      step,
      meter,
      identity: identityOf(config),
      likeness: likenessOf(config),
      owners,
      chains: 0,
      close: () => (closed ??= close()),
    }
    /** Once: it may lose its last exchange and its place in the config in one moment. */
    let closed: Promise<void> | undefined
    async function close(): Promise<void> {
      for (const cancel of timers) cancel()
      leaving.delete(loaded)
      // From here on nobody asks it; to close may take long, and add to what it counts.
      count(loaded)
      try {
        await pipe?.close?.()
      } catch (error) {
        step.broke('close', error)
      }
      count(loaded)
    }
    return loaded
  }

  function release(parts: readonly Loaded[]): void {
    for (const part of parts) {
      if (--part.chains > 0) continue
      void part.close()
    }
  }

  return {
    machine: deps.machine,
    prepare(config) {
      workers = config.processor.workers
      const pipes = allPipes(config)
      if (pipes.length === 0) {
        coming = new Map()
        return undefined
      }
      return (async () => {
        const breaks = createBreaks(MOST_BUSY_MS)
        for (const pipe of pipes) {
          if (breaks.due()) await breaks.take()
          placeOf(pipe)
        }
        layout = layoutOf(pipes)
        // In the order of the config, whichever is loaded first: reports tell the pipes in this order.
        const next = new Map<string, Loaded | Promise<Loaded>>()
        const owners = ownersOf(config, placeOf)
        // One that could not be made may be had by now.
        const left = createLeftovers([...current.values()].filter(({ step }) => step.pipe !== undefined))
        for (const pipe of pipes) {
          if (breaks.due()) await breaks.take()
          const place = placeOf(pipe)
          if (next.has(place)) continue
          const identity = identityOf(pipe)
          const own = owners.get(place) ?? NOBODY
          const known = current.get(place)
          const stays =
            known !== undefined && left.has(known) && known.identity === identity && isSameOwner(known.owners, own)
          const same = stays ? known : left.find('identity', identity, own)
          if (same !== undefined) {
            left.take(same)
            same.owners = own
            next.set(place, same)
            continue
          }
          // A module that is being written again just now may be none, though it was one when the config was checked.
          const before = left.find('likeness', likenessOf(pipe), own)
          if (before) left.take(before)
          // Together: one that cannot be had in time is not waited for as often as there are such.
          next.set(place, load(pipe, own, dirname(config.file), before))
        }
        const loading = [...next].map(async ([place, one]): Promise<[string, Loaded]> => [place, await one])
        coming = new Map(await Promise.all(loading))
      })()
    },
    chain(pipes) {
      if (pipes.length === 0) return undefined
      const parts = pipes.map((pipe) => {
        const part = (coming ?? current).get(placeOf(pipe))
        if (part === undefined) throw new Error(`the pipe ${pipe.name} has not been prepared`)
        return part
      })
      for (const part of parts) part.chains++
      const chain = new Chain(parts.map(({ step }) => step))
      fresh.push({ chain, parts })
      return chain
    },
    settle() {
      const old = chains
      const before = current
      chains = fresh
      fresh = []
      current = coming ?? current
      coming = undefined
      const kept = new Set(current.values())
      for (const part of before.values()) if (!kept.has(part)) leaving.add(part)
      for (const { chain, parts } of old) chain.retire(() => release(parts))
      // What no route has is of no use.
      for (const part of before.values()) if (part.chains === 0 && !kept.has(part)) void part.close()
    },
    hold() {
      const held = chains.map(({ chain }) => chain)
      for (const chain of held) chain.inUse++
      return () => {
        for (const chain of held) chain.left()
      }
    },
    get steps() {
      return [...current.values()].map(({ step }) => step)
    },
    take(states) {
      if (!states) {
        // Several times a second: of thousands of pipes only those are asked that exchanges have come to.
        for (const { chain, parts } of chains) if (chain.wasUsed()) for (const part of parts) count(part)
        for (const part of leaving) count(part)
        return { pipes: counted.take() }
      }
      const all = new Set([...current.values(), ...leaving])
      for (const part of all) count(part)
      const standing = new PipeSums()
      for (const { step, meter } of all) {
        const values = meter.values()
        if (values.length > 0) standing.add(step.name, values)
      }
      const pipeStates = standing.take().map(({ pipe, counts }) => ({ pipe, values: counts }))
      return { pipes: counted.take(), pipeStates }
    },
    async close() {
      const all = [...current.values(), ...leaving]
      current = new Map()
      await Promise.all(all.map((part) => part.close()))
    },
  }
}

/** Asked for again and again while a config is taken, and the options of thousands of pipes take their time to be written. */
const places = new WeakMap<PipeConfig, string>()

/** An imported config may have several pipes that come from one line. */
function placeOf(pipe: PipeConfig): string {
  const known = places.get(pipe)
  if (known !== undefined) return known
  const { at, use, name, options, when } = pipe
  const place = `${at.line}:${at.col} ${use} ${name} ${when ?? ''} ${JSON.stringify(options)}`
  places.set(pipe, place)
  return place
}

/** A place of the same name may be another one in another config. */
function layoutOf(pipes: readonly PipeConfig[]): string {
  const hash = createHash('sha256')
  for (const pipe of pipes) hash.update(`${placeOf(pipe)}\n`)
  return hash.digest('hex')
}

/** Everything that makes it another pipe when it changes: the digest of a module is a part of it. */
function identityOf({ at: _, ...pipe }: PipeConfig): string {
  return JSON.stringify(pipe)
}

function likenessOf({ digest: _, ...pipe }: PipeConfig): string {
  return identityOf(pipe)
}

/** Half of a module, or one that nobody has checked, is not run where there is something to go on with. */
async function checkUnchanged({ module, digest }: PipeConfig): Promise<void> {
  if (module === undefined || digest === undefined || moduleDigest(await readFile(module)) === digest) return
  throw new Error('its module has changed since the config was read: reload once more')
}

async function builtIn(name: string): Promise<PipeDefinition<unknown>> {
  const found = BUILT_INS[name]
  if (found === undefined) throw new Error(`there is no built-in pipe ${name}`)
  return (await found()).default as PipeDefinition<unknown>
}

/** Options as the pipe is to get them. */
async function checked(definition: PipeDefinition<unknown>, options: unknown): Promise<unknown> {
  const result = await checkOptions(definition, options)
  if ('value' in result) return result.value
  throw new Error(`its options: ${result.faults.map(({ message }) => message).join('; ')}`)
}

/** A worker does not wait for ever before it serves. `tooLate` gets what comes when nobody waits for it any more. */
async function soon<T>(made: T | Promise<T>, tooLate: (made: T) => unknown = () => undefined): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`it was not there after ${MOST_LOADING_MS} ms`))
      Promise.resolve(made)
        .then(tooLate)
        .catch(() => undefined)
    }, MOST_LOADING_MS)
  })
  try {
    return await Promise.race([made, late])
  } finally {
    clearTimeout(timer)
  }
}
