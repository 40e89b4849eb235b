// The thread of a user's pipe, from outside: what it does to its memory or its time is its own affair. One that ends or hangs
// fails the exchanges that waited for it, and is started anew.
import type { Worker } from 'node:worker_threads'
import type { PipeConfig } from '../../../shared/config/model.js'
import { spawnThread } from '../../../shared/spawn-thread.js'
import type { AnswerHead, Buffered, PipeExchange, PipeTools, Reply } from '../pipe.js'
import { applyChanges, dataOf } from './apply.js'
import { HeardCounts } from './counts.js'
import { perSecond } from './limits.js'
import { createLinks, type Links } from './links.js'
import type { FromThread, Hook, HookName, ThreadStart, ToThread } from './wire.js'

export interface ThreadLimits {
  /** For the module to be loaded and the pipe to be made. */
  readonly startMs: number
  /** Between two starts; doubled each time, up to `mostPauseMs`, while it does not live for `steadyMs`. */
  readonly pauseMs: number
  readonly mostPauseMs: number
  readonly steadyMs: number
  /** A thread whose loop stands still for so long, or for a hook's time where that is longer, is ended. */
  readonly stillMs: number
  /** Hooks that wait at once. */
  readonly waiting: number
  readonly memoryMb: number
  /** Messages in a second. */
  readonly messages: number
}

const LOOK_MS = 100
/** While nobody waits, a machine that is busy elsewhere is no reason to end a thread. */
const IDLE_STILL_MS = 5000
const CLOSE_MS = 1000

interface Waiting {
  readonly x: PipeExchange
  readonly answer: AnswerHead | undefined
  readonly until: number
  resolve(reply: Reply | undefined): void
  reject(error: Error): void
}

interface Ready {
  readonly hooks: readonly HookName[]
  readonly buffer: Buffered
}

export class PipeThread {
  readonly counts = new HeardCounts()
  private worker: Worker | undefined
  private links: Links | undefined
  private readonly beats = new Int32Array(new SharedArrayBuffer(4))
  /** By the number of the hook. */
  private readonly waiting = new Map<number, Waiting>()
  /** Ends of exchanges that it has been told of, and has not said that it knows. */
  private readonly told = new Set<number>()
  private hooks = 0
  private startedAt = 0
  private isReady = false
  private pauseMs: number
  private beat = 0
  private beatAt = 0
  /** A hook has not come to an end, and nothing has been heard of the thread since. */
  private doubted = false
  private look: NodeJS.Timeout | undefined
  private restart: NodeJS.Timeout | undefined
  private closing: (() => void) | undefined
  private closed = false

  constructor(
    private readonly config: PipeConfig,
    private readonly tools: PipeTools,
    private readonly limits: ThreadLimits,
  ) {
    this.pauseMs = limits.pauseMs
  }

  begin(): Promise<Ready> {
    return new Promise((resolve, reject) => {
      this.start(resolve, (error) => {
        this.closed = true
        reject(error)
      })
    })
  }

  /** Undefined parameters: nobody waits for the start but exchanges. */
  private start(ready?: (ready: Ready) => void, failed?: (error: Error) => void): void {
    const { config, tools, limits } = this
    const { module = '', digest = '', options } = config
    const { name, directory, workers } = tools
    const { timeOrigin } = performance
    const workerData: ThreadStart = {
      module,
      stamp: digest,
      options,
      name,
      directory,
      workers,
      timeOrigin,
      beats: this.beats,
    }
    const worker = spawnThread(new URL('./thread.js', import.meta.url), {
      workerData,
      name: `serverpy-pipe ${name}`.slice(0, 60),
      // A large young generation could bring more at once than is left, and V8 ends the whole process by that.
      resourceLimits: {
        maxOldGenerationSizeMb: limits.memoryMb,
        maxYoungGenerationSizeMb: Math.max(1, limits.memoryMb / 8),
      },
    })
    this.worker = worker
    this.isReady = this.doubted = false
    this.startedAt = this.beatAt = tools.now()
    const links = createLinks(tools, (message) => this.say(message))
    this.links = links
    this.look ??= setInterval(() => this.check(), LOOK_MS)
    let reason = 'it ended itself'
    const mayTell = perSecond(limits.messages, () => tools.now())
    worker.on('message', (message: FromThread) => {
      if (worker !== this.worker || this.reason !== undefined) return
      if (!mayTell()) return this.end(`it says more than ${limits.messages} things in a second`)
      if (message.kind === 'ready') {
        this.isReady = true
        ready?.(message)
        this.rest()
      } else if (message.kind === 'refused') {
        reason = String(message.message)
        void worker.terminate()
      } else this.hear(message, links)
    })
    worker.on('error', (error) => {
      reason = error.message
    })
    worker.on('exit', () => {
      if (worker !== this.worker) return
      this.ended(this.reason ?? reason, failed)
    })
  }

  /** Why it was ended from here. */
  private reason: string | undefined

  private ended(reason: string, failed: ((error: Error) => void) | undefined): void {
    const { tools, limits } = this
    const wasReady = this.isReady
    this.worker = undefined
    this.reason = undefined
    this.isReady = false
    this.links?.drop()
    this.counts.ended()
    this.told.clear()
    clearInterval(this.look)
    this.look = undefined
    const error = new Error(`the thread of the pipe ended: ${reason}`)
    for (const { reject } of this.waiting.values()) reject(error)
    this.waiting.clear()
    this.closing?.()
    if (failed && !wasReady) return failed(error)
    if (this.closed) return
    const now = tools.now()
    const steady = now - this.startedAt >= limits.steadyMs
    const waitMs = Math.max(0, this.startedAt + (steady ? limits.pauseMs : this.pauseMs) - now)
    this.pauseMs = steady ? limits.pauseMs : Math.min(limits.mostPauseMs, this.pauseMs * 2)
    tools.log.error({ error: reason, waitMs: Math.round(waitMs) }, 'the thread of a pipe ended; it is started anew')
    this.restart = setTimeout(() => this.start(), waitMs).unref()
  }

  /** Asks for a hook of an exchange; what it changed is in the exchange then. */
  ask(x: PipeExchange, hook: Hook, answer?: AnswerHead): Promise<Reply | undefined> {
    const { worker, waiting, limits, tools, config } = this
    if (worker === undefined) return Promise.reject(new Error('the thread of the pipe has ended and is not back yet'))
    if (waiting.size >= limits.waiting)
      return Promise.reject(new Error(`${limits.waiting} exchanges wait for the thread of the pipe already`))
    const id = ++this.hooks
    return new Promise((resolve, reject) => {
      waiting.set(id, { x, answer, until: tools.now() + config.hookMs, resolve, reject })
      this.look?.ref()
      this.say({ kind: 'hook', id, x: dataOf(x), ...hook })
    })
  }

  /** What nobody waits for: beyond the bound it is left out. */
  tell(x: PipeExchange, hook: Hook): void {
    if (this.worker === undefined || this.told.size >= this.limits.waiting) return
    const id = ++this.hooks
    this.told.add(id)
    this.say({ kind: 'hook', id, x: dataOf(x), ...hook })
  }

  async close(): Promise<void> {
    this.closed = true
    clearTimeout(this.restart)
    const { worker } = this
    if (worker === undefined) return
    worker.ref()
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_MS)
      this.closing = () => {
        clearTimeout(timer)
        resolve()
      }
      this.say({ kind: 'close' })
    })
    await worker.terminate()
  }

  private say(message: ToThread): void {
    this.worker?.postMessage(message)
  }

  /** Nothing that waits for it keeps the process alive. */
  private rest(): void {
    if (this.waiting.size > 0 || !this.isReady || this.closed) return
    this.look?.unref()
    this.worker?.unref()
  }

  private hear(message: FromThread, links: Links): void {
    try {
      switch (message.kind) {
        case 'done':
          if (!this.told.delete(message.id)) this.settle(message.id, (one) => one.resolve(this.applied(message, one)))
          return
        case 'threw': {
          const error = new Error('a hook threw in the thread of the pipe')
          error.stack = String(message.error)
          if (this.told.delete(message.id)) this.tools.log.error({ error: error.stack }, 'a pipe failed in onDone')
          else this.settle(message.id, (one) => one.reject(error))
          return
        }
        case 'listen':
          return this.listen(message.id)
        case 'counts':
          return this.counts.hear(message.counts)
        case 'closed':
          return this.closing?.()
        case 'ready':
        case 'refused':
          return
        default:
          links.hear(message, (hook) => this.waiting.get(hook)?.x)
      }
    } catch (error) {
      // Code of the module may speak in our name: what makes no sense ends its thread.
      this.end(`it says what makes no sense: ${error instanceof Error ? error.message : ''}`)
    }
  }

  private settle(id: number, by: (one: Waiting) => void): void {
    const one = this.waiting.get(id)
    if (one === undefined) return
    this.waiting.delete(id)
    try {
      if (this.tools.now() > one.until) one.reject(new Error('it came too late'))
      else by(one)
    } catch (error) {
      one.reject(error instanceof Error ? error : new Error(String(error)))
    }
    this.rest()
  }

  private applied({ changes }: Extract<FromThread, { kind: 'done' }>, { x, answer }: Waiting): Reply | undefined {
    return applyChanges(changes, x, answer)
  }

  private listen(id: number): void {
    const x = this.waiting.get(id)?.x
    const gone = (): void => this.say({ kind: 'gone', id })
    if (x === undefined || x.signal.aborted) gone()
    else x.signal.addEventListener('abort', gone, { once: true })
  }

  /** Gives up what nobody waits for any more, and ends a thread that stands still. */
  private check(): void {
    const { tools, limits, config } = this
    const now = tools.now()
    for (const [id, { until, reject }] of this.waiting) {
      if (now <= until) continue
      this.waiting.delete(id)
      this.doubted = true
      reject(new Error(`no answer from its thread after ${config.hookMs} ms`))
    }
    const beat = Atomics.load(this.beats, 0)
    if (beat !== this.beat) [this.beat, this.beatAt, this.doubted] = [beat, now, false]
    const idleMs = this.waiting.size > 0 || this.doubted ? 0 : IDLE_STILL_MS
    const stillMs = this.isReady ? Math.max(limits.stillMs, config.hookMs, idleMs) : limits.startMs
    if (now - this.beatAt > stillMs) this.end(`its thread stood still for ${stillMs} ms`)
    else if (!this.isReady && now - this.startedAt > limits.startMs)
      this.end(`it was not there after ${limits.startMs} ms`)
    this.rest()
  }

  private end(reason: string): void {
    this.reason ??= reason
    void this.worker?.terminate()
  }
}
