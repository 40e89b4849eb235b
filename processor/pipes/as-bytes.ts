// A whole body as a pipe gives it: text or bytes, and nothing else that code without types may hand over.

/** Throws a TypeError for what is neither. Bytes are not copied. */
export function asBytes(body: unknown): Buffer {
  if (typeof body === 'string') return Buffer.from(body)
  if (Buffer.isBuffer(body)) return body
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  throw new TypeError('a body is text or bytes')
}
