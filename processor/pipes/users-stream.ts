// A stream that a pipe has given: Node calls its code whenever it likes, and yet it is known for which exchange; and where
// nobody needs it any more, it is let go where it can do no harm.
import { Duplex, PassThrough, Readable, Transform, Writable } from 'node:stream'
import { putOff } from './alone.js'
import { beginWait, endWait, type Wait } from './lost.js'
import { mayEnd, type Stuck, within } from './running.js'

type Stream = Duplex | Readable
type Method = (...given: unknown[]) => unknown

/** What a pipe may have written itself; true: its last argument is to be called when it is done. */
const METHODS = new Map<string, boolean>([
  ['_transform', true],
  ['_flush', true],
  ['_write', true],
  ['_writev', true],
  ['_final', true],
  ['_destroy', true],
  ['_read', false],
  ['destroy', false],
])
const NODES = [Duplex, PassThrough, Readable, Transform, Writable].map(({ prototype }) => prototype as object)

/** An exchange that depends on a stream. */
interface Owner {
  readonly run: Stuck
  /** For what the stream's code awaits. */
  wait: Wait | undefined
}

/** By stream, while one does. */
const owners = new WeakMap<object, Owner>()

/** Code without types may give anything, such as a stream of the web. */
export function isStream(stream: unknown): stream is Duplex {
  const { write, pipe, destroy } = (stream ?? {}) as Partial<Record<string, unknown>>
  return typeof write === 'function' && typeof pipe === 'function' && typeof destroy === 'function'
}

/**
 * Failures of a stream that no body passes yet, or any more, are nobody's: without a listener they would end the process.
 * `run`: whose exchange cannot go on without it.
 */
export function bear(stream: Stream, run: Stuck): void {
  stream.on('error', () => undefined)
  if (!mayEnd()) return
  const isMarked = owners.has(stream)
  owners.set(stream, { run, wait: undefined })
  if (!isMarked) for (const [name, calls] of METHODS) mark(stream as unknown as Record<string, unknown>, name, calls)
}

/** All that it has to give has come: whatever its code still does, no exchange depends on it. */
export function release(stream: Stream): void {
  endWait(owners.get(stream)?.wait)
  owners.delete(stream)
}

/** Nobody needs it any more. */
export function discard(stream: Stream): void {
  release(stream)
  if (!stream.destroyed) putOff(() => stream.destroy())
}

function mark(stream: Record<string, unknown>, name: string, calls: boolean): void {
  const own = stream[name]
  // Node looks whether some of its own are still there.
  if (typeof own !== 'function' || NODES.some((node) => (node as Record<string, unknown>)[name] === own)) return
  const method = own as Method
  stream[name] = (...given: unknown[]): unknown => {
    const owner = owners.get(stream)
    if (owner === undefined) return method.apply(stream, given)
    const done = calls ? given.at(-1) : undefined
    if (typeof done !== 'function') return within(owner.run, undefined, () => method.apply(stream, given))
    return called(owner, (last) => method.apply(stream, [...given.slice(0, -1), last]), done as Method)
  }
}

/** Also what it awaits may never come back, and `done` then never be called. */
function called(owner: Owner, call: (done: Method) => unknown, done: Method): unknown {
  let isDone = false
  const result = within(owner.run, undefined, () =>
    call((...given) => {
      isDone = true
      return done(...given)
    }),
  )
  if (!(result instanceof Promise) || isDone) return result
  const lost = (name: string): void => {
    if (!isDone) owner.run.stuck(name)
  }
  const back = (): void => endWait(wait)
  const wait = beginWait(back, { lost })
  owner.wait = wait
  // A rejection stays one that nobody has caught.
  void result.finally(back)
  return result
}
