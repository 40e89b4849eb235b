// A user's pipe in this process: while one of its hooks runs, it is known for which exchange, and it can be ended.
import { withinTimer } from '../engine/turn.js'
import { alone } from './alone.js'
import type { Pipe, PipeExchange } from './pipe.js'
import { type Stuck, within } from './running.js'

/** The same pipe, marked while it runs. Hooks that it does not have are left out. */
export function foreignPipe(pipe: Pipe, name: string): Pipe {
  const { onRequest, onResponse, onError, onDone, metrics, gauges, close } = pipe
  // Only exchanges of this host come here: each can be told that it is stuck.
  const marked = <T>(x: PipeExchange, run: () => T): T => within(x as PipeExchange & Stuck, name, run)
  /** Runs a hook where it can be ended from outside without harm: never within a timer. */
  const hooked = <T>(x: PipeExchange, run: () => T | Promise<T>): T | Promise<T> =>
    withinTimer() ? Promise.resolve().then(() => marked(x, run)) : marked(x, run)
  return {
    ...(onRequest && { onRequest: (x) => hooked(x, () => onRequest.call(pipe, x)) }),
    ...(onResponse && { onResponse: (x, answer) => hooked(x, () => onResponse.call(pipe, x, answer)) }),
    ...(onError && { onError: (x, error) => hooked(x, () => onError.call(pipe, x, error)) }),
    // Behind everything else: ended there, it would leave the client's connection half way between two requests.
    ...(onDone && {
      onDone: (x, outcome) => Promise.resolve().then(() => marked(x, () => onDone.call(pipe, x, outcome))),
    }),
    ...(metrics && { metrics: () => metrics.call(pipe) }),
    ...(gauges && { gauges: () => gauges.call(pipe) }),
    ...(close && { close: () => alone().then(() => close.call(pipe)) }),
  }
}
