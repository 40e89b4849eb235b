// A user's pipe in a thread of its own, as a pipe like any other.
import type { PipeConfig } from '../../../shared/config/model.js'
import type { Buffered, Pipe, PipeTools } from '../pipe.js'
import { headOf } from './apply.js'
import { PipeThread, type ThreadLimits } from './pipe-thread.js'
import type { HookName } from './wire.js'

export interface ThreadedPipe {
  readonly pipe: Pipe
  /** What the module itself asks for. */
  readonly buffer: Buffered
}

const LIMITS: ThreadLimits = {
  startMs: 10_000,
  pauseMs: 1000,
  mostPauseMs: 30_000,
  steadyMs: 10_000,
  stillMs: 500,
  waiting: 256,
  memoryMb: 64,
  // Far above what hooks need; a worker bears it beside its exchanges.
  messages: 50_000,
}

/** Rejects where the module cannot be loaded or makes no pipe. */
export async function createThreadPipe(
  config: PipeConfig,
  tools: PipeTools,
  limits: Partial<ThreadLimits> = {},
): Promise<ThreadedPipe> {
  const thread = new PipeThread(config, tools, { ...LIMITS, ...limits })
  const { hooks, buffer } = await thread.begin()
  const has = (name: HookName) => hooks.includes(name)
  const pipe: Pipe = {
    ...(has('onRequest') && { onRequest: (x) => thread.ask(x, { hook: 'onRequest' }) }),
    ...(has('onResponse') && {
      onResponse: (x, answer) => thread.ask(x, { hook: 'onResponse', answer: headOf(answer) }, answer),
    }),
    ...(has('onError') && {
      onError: (x, { code, side, retry, message }) =>
        thread.ask(x, { hook: 'onError', error: { code, side, retry, message } }),
    }),
    ...(has('onDone') && { onDone: (x, outcome) => thread.tell(x, { hook: 'onDone', outcome }) }),
    metrics: () => thread.counts.metrics(),
    gauges: () => thread.counts.gauges(),
    close: () => thread.close(),
  }
  return { pipe, buffer }
}
