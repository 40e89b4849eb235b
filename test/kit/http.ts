// A raw-socket HTTP client for tests: sends exactly the bytes it is given and returns exactly the bytes that came.
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { fieldValues, readMessages } from './message.js'
import type { Message } from './message.js'
import { within } from './wait.js'

export interface RawOptions {
  /** How many final answers (not 1xx) to wait for; by then the connection is closed by us. */
  answers?: number
  /** Whether the requests are HEAD, whose answers carry no body. */
  head?: boolean
  /** Read until the server closes, whatever has come by then. */
  untilClose?: boolean
  /** Send FIN after the last byte. */
  halfClose?: boolean
  timeoutMs?: number
}

/**
 * Sends `bytes` (one buffer, or several written one after the other, each after the former has been flushed) to
 * 127.0.0.1:`port` and resolves with all bytes received once `answers` (1) final answers are complete or the server has
 * closed. A reset by the server rejects with its ECONNRESET, the bytes that came before it as `error.received`.
 */
export async function rawRequest(
  port: number,
  bytes: Buffer | string | readonly (Buffer | string)[],
  options: RawOptions = {},
): Promise<Buffer> {
  const { answers = 1, head = false, untilClose = false, halfClose = false, timeoutMs = 20_000 } = options
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  let received = Buffer.alloc(0)
  const answered = () => {
    const messages = readMessages(received, { bodyless: () => head })
    return messages.filter((message) => statusOf(message) >= 200).length >= answers
  }
  const finished = new Promise<Buffer>((resolve, reject) => {
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (!untilClose && answered()) resolve(received)
    })
    socket.on('end', () => resolve(received))
    socket.on('error', (error) => reject(Object.assign(error, { received })))
  })
  finished.catch(() => {}) // Observed below; a reset while still writing must not be unhandled.
  try {
    const parts: readonly (Buffer | string)[] = typeof bytes === 'string' || Buffer.isBuffer(bytes) ? [bytes] : bytes
    for (const part of parts) await Promise.race([write(socket, part), finished])
    if (halfClose) socket.end()
    return await within(finished, timeoutMs, 'the raw answer')
  } finally {
    socket.destroy()
  }
}

function write(socket: Socket, part: Buffer | string): Promise<void> {
  const data = typeof part === 'string' ? Buffer.from(part, 'latin1') : part
  // An error reaches the caller through the socket's own event.
  return new Promise((resolve) => socket.write(data, () => resolve()))
}

/** The status code of an answer; NaN for a request. */
export function statusOf(message: Message): number {
  return message.startLine.startsWith('HTTP/') ? Number(message.startLine.split(' ')[1]) : Number.NaN
}

export interface Answer {
  status: number
  fields: Message['fields']
  /** The only or first value of a field. */
  field(name: string): string | undefined
  body: Buffer
  text(): string
  json(): unknown
}

/** Reads the first final answer out of raw bytes, for tests that look at meaning and not at bytes. */
export function parseAnswer(raw: Buffer, { head = false }: { head?: boolean } = {}): Answer {
  const messages = readMessages(raw, { closed: true, bodyless: () => head })
  const message = messages.find((m) => statusOf(m) >= 200)
  if (!message) throw new Error(`no complete answer in ${JSON.stringify(raw.toString('latin1').slice(0, 500))}`)
  return {
    status: statusOf(message),
    fields: message.fields,
    field: (name) => fieldValues(message.fields, name)[0],
    body: message.body,
    text: () => message.body.toString('utf8'),
    json: () => JSON.parse(message.body.toString('utf8')) as unknown,
  }
}

/** One plain request with the fields given and a right Content-Length, and its answer. */
export async function request(
  port: number,
  method: string,
  target: string,
  { fields = {}, body, ...raw }: RawOptions & { fields?: Record<string, string>; body?: Buffer | string } = {},
): Promise<Answer> {
  const content = body === undefined ? undefined : Buffer.from(body)
  const lines = [`${method} ${target} HTTP/1.1`]
  if (!Object.keys(fields).some((name) => name.toLowerCase() === 'host')) lines.push(`Host: 127.0.0.1:${port}`)
  for (const [name, value] of Object.entries(fields)) lines.push(`${name}: ${value}`)
  if (content) lines.push(`Content-Length: ${content.length}`)
  const bytes = Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), content ?? Buffer.alloc(0)])
  const head = method === 'HEAD'
  return parseAnswer(await rawRequest(port, bytes, { head, ...raw }), { head })
}
