// Whether all kinds of servers read the same messages out of a stream.
import { LAX, STRICT } from './dialect.js'
import { read, type Reading, type ReadMessage, type ReadOptions } from './read.js'

/** Fields that say who asks, where to, and where a message ends: an origin that reads another value is deceived. */
const TRUSTED =
  /^(host|content-length|transfer-encoding|connection|keep-alive|te|upgrade|http2-settings|via|forwarded|x-forwarded-.*|x-real-ip|x-request-id|proxy-.*|expect)$/

/** What the readers that disagree with the grammar see; empty where all agree. */
export function disagreements(stream: string, options: ReadOptions = {}): string[] {
  const plain = summary(read(stream, STRICT, options))
  return LAX.flatMap((dialect) => {
    const other = summary(read(stream, dialect, options))
    const at = other.findIndex((part, i) => part !== plain[i])
    if (at < 0 && other.length === plain.length) return []
    return [`a server that ${dialect.name} sees ${other[at] ?? 'nothing'} where others see ${plain[at] ?? 'nothing'}`]
  })
}

/** Every message, and the way in which the stream ends. */
function summary({ messages, ends }: Reading): string[] {
  return [...messages.map(messageSummary), `an end ${ends}`]
}

function messageSummary({ start, fields, body }: ReadMessage): string {
  // Only meaning counts: who trims less does not see another value.
  const trusted = fields.filter(({ name }) => TRUSTED.test(name)).map(({ name, value }) => `${name}: ${value.trim()}`)
  const content = body.length > 200 ? `${body.length} bytes, ${body.slice(0, 100)}…${body.slice(-100)}` : body
  return [start.trim(), ...trusted.sort(), JSON.stringify(content)].join(' | ')
}
