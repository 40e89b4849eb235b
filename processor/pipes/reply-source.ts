// The body of a reply that comes piece by piece: what it holds, such as an open file, is let go whether it is read or not.
import type { Readable } from 'node:stream'
import { putOff } from './alone.js'
import type { Stuck } from './running.js'
import { bear, discard } from './users-stream.js'

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

/** `owner`: whose exchange waits for it. */
export function openSource(body: AsyncIterable<Uint8Array>, owner: Stuck): Source {
  const iterator = body[Symbol.asyncIterator]()
  const next = () => iterator.next()
  if (isReadable(body)) {
    bear(body, owner)
    // To return its iterator would wait for a piece that may never come, and does nothing where none was asked for.
    return { next, close: () => discard(body) }
  }
  const end = async () => iterator.return?.()
  return { next, close: () => putOff(() => void end().catch(() => undefined)) }
}

/** `reply`: whatever a hook has returned when nobody waited for it any more, or whose body may not be sent. */
export function letGo(reply: unknown): void {
  try {
    const body = (reply as { readonly body?: unknown } | undefined)?.body
    if (isSource(body)) openSource(body, NOBODY).close()
  } catch {
    // What cannot even be opened holds nothing.
  }
}

const NOBODY: Stuck = { stuck: () => undefined }
