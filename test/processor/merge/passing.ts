// A route whose one part passes on as it comes, and bytes in which nothing can be lost or doubled unseen.
import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import type { OriginHandler } from '../../kit/origin.js'
import { serve } from './serving.js'

export const part = { service: 'files', path: '/files/{id}' }

/** With time enough for a slow machine; `merge` stands in place of `part`. */
export function started(t: TestContext, files: OriginHandler, merge: object = part, more: object = {}) {
  return serve(t, { files }, { merge: [merge], output: 'no-op', timeout: '20s', ...more })
}

export function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Of no small period. */
export function bytesOf(count: number): Buffer {
  const bytes = Buffer.alloc(count)
  let state = 1
  for (let i = 0; i < count; i++) bytes[i] = (state = (state * 48271) % 2147483647) & 255
  return bytes
}
