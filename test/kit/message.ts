// Framing of HTTP/1.1 messages for tests, kept apart from the engine's own parser so that neither can hide the other's faults.

/** One whole message as it was on the wire. */
export interface Message {
  /** Request line or status line, without its CRLF. */
  startLine: string
  /** Field lines in their order, names as sent. */
  fields: readonly (readonly [name: string, value: string])[]
  /** Decoded content: chunked framing removed. */
  body: Buffer
  /** The exact bytes, framing and all. */
  raw: Buffer
}

export interface Head {
  startLine: string
  fields: [string, string][]
  /** Offset of the first byte after the empty line. */
  end: number
}

/** The head that starts at `from`, or undefined while its empty line has not come. */
export function readHead(bytes: Buffer, from = 0): Head | undefined {
  const blank = bytes.indexOf('\r\n\r\n', from, 'latin1')
  if (blank < 0) return undefined
  const [startLine = '', ...lines] = bytes.toString('latin1', from, blank).split('\r\n')
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
  return { startLine, fields, end: blank + 4 }
}

/** All values of a field, in order; names match in any case. */
export function fieldValues(fields: readonly (readonly [string, string])[], name: string): string[] {
  return fields.filter(([n]) => n.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
}

interface Body {
  content: Buffer
  end: number
}

/**
 * The body after `head`, or undefined while it is incomplete. `closed` says that no more bytes will come, which is what ends
 * an answer that has neither length nor chunks. `bodyless` is for answers to HEAD.
 */
export function readBody(
  bytes: Buffer,
  head: Head,
  { closed = false, bodyless = false }: { closed?: boolean; bodyless?: boolean } = {},
): Body | undefined {
  const answer = head.startLine.startsWith('HTTP/')
  const status = answer ? Number(head.startLine.split(' ')[1]) : 0
  if (bodyless || (answer && (status < 200 || status === 204 || status === 304))) return emptyBody(head)
  if (fieldValues(head.fields, 'transfer-encoding').length > 0) return readChunks(bytes, head.end)
  const length = fieldValues(head.fields, 'content-length')[0]
  if (length !== undefined) {
    const end = head.end + Number(length)
    return bytes.length < end ? undefined : { content: bytes.subarray(head.end, end), end }
  }
  if (!answer) return emptyBody(head)
  return closed ? { content: bytes.subarray(head.end), end: bytes.length } : undefined
}

function emptyBody(head: Head): Body {
  return { content: Buffer.alloc(0), end: head.end }
}

function readChunks(bytes: Buffer, from: number): Body | undefined {
  const parts: Buffer[] = []
  let at = from
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at, 'latin1')
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    if (Number.isNaN(size)) throw new Error(`a chunk size was expected at byte ${at}`)
    at = lineEnd + 2
    if (size === 0) break
    if (bytes.length < at + size + 2) return undefined
    parts.push(bytes.subarray(at, at + size))
    at += size + 2
  }
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at, 'latin1')
    if (lineEnd < 0) return undefined
    const blank = lineEnd === at
    at = lineEnd + 2
    if (blank) return { content: Buffer.concat(parts), end: at }
  }
}

/**
 * The whole messages in `bytes`, in order; an incomplete last one is left out. `bodyless(i)` marks answers to HEAD.
 * Interim answers (1xx) are messages of their own.
 */
export function readMessages(
  bytes: Buffer,
  { closed = false, bodyless = () => false }: { closed?: boolean; bodyless?: (index: number) => boolean } = {},
): Message[] {
  const messages: Message[] = []
  let at = 0
  for (;;) {
    const head = readHead(bytes, at)
    const body = head && readBody(bytes, head, { closed, bodyless: bodyless(messages.length) })
    if (!head || !body) return messages
    messages.push({
      startLine: head.startLine,
      fields: head.fields,
      body: body.content,
      raw: bytes.subarray(at, body.end),
    })
    at = body.end
  }
}
