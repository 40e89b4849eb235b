// The body of a reply that comes piece by piece: what it holds, such as an open file, is let go whether it is read or not.
import type { Readable } from 'node:stream'
import { bear } from './body-stream.js'

export interface Source {
  next(): Promise<IteratorResult<Uint8Array>>
  /** Nobody wants the rest. */
  close(): void
}

export function isSource(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body
}

function isReadable(body: object): body is Readable {
  const { pipe, destroy, on } = body as Partial<Record<string, unknown>>
  return typeof pipe === 'function' && typeof destroy === 'function' && typeof on === 'function'
}

export function openSource(body: AsyncIterable<Uint8Array>): Source {
  const iterator = body[Symbol.asyncIterator]()
  const next = () => iterator.next()
  if (isReadable(body)) {
    bear(body)
    // To return its iterator would wait for a piece that may never come, and does nothing where none was asked for.
    return { next, close: () => void body.destroy() }
  }
  const end = () => iterator.return?.()
  return {
    next,
    close: () =>
      void Promise.resolve()
        .then(end)
        .catch(() => undefined),
  }
}

/** `reply`: whatever a hook has returned when nobody waited for it any more, or whose body may not be sent. */
export function letGo(reply: unknown): void {
  try {
    const body = (reply as { readonly body?: unknown } | undefined)?.body
    if (isSource(body)) openSource(body).close()
  } catch {
    // What cannot even be opened holds nothing.
  }
}
