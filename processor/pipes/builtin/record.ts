// `record`: keeps header fields and the beginnings of bodies of exchanges, without secrets, in a file of bounded size.
import type { RecordOptions } from '../../../shared/config/pipes/record.js'
import { definePipe, type BodyWatcher, type FieldLines, type PipeExchange } from '../pipe.js'
import { createRecordFile } from '../record-file.js'
import { createRedaction, type Redaction } from '../redacted.js'

/** What is known of an exchange until it is over. */
interface Taken {
  readonly at: number
  readonly request: { readonly headers: Fields; readonly body: Kept | undefined }
  answer: { readonly headers: Fields; readonly body: Kept | undefined } | undefined
}

type Fields = [name: string, value: string][]

/** Two of these may be on the way of one exchange. */
let made = 0

export default definePipe<RecordOptions>({
  create(options, tools) {
    const { bodyBytes, share } = options
    const redaction = createRedaction([...options.redact, ...options.credentials])
    const key = `record ${++made}`
    const file = createRecordFile({ ...options, log: tools.log, now: () => tools.now() })

    const watched = (watch: (watcher: BodyWatcher) => void): Kept | undefined => {
      if (bodyBytes === 0) return undefined
      const kept = new Kept(bodyBytes)
      watch(kept)
      return kept
    }

    return {
      onRequest(x) {
        if (share < 1 && Math.random() >= share) return
        const body = x.bodyKind === 'none' ? undefined : watched((watcher) => x.watchBody(watcher))
        const taken: Taken = {
          at: Date.now(),
          request: { headers: fieldsOf(x.headers, redaction), body },
          answer: undefined,
        }
        x.state.set(key, taken)
      },
      onResponse(x, answer) {
        const taken = x.state.get(key) as Taken | undefined
        if (taken === undefined) return
        const body = answer.bodiless ? undefined : watched((watcher) => answer.watch(watcher))
        taken.answer = { headers: fieldsOf(answer.headers, redaction), body }
      },
      onDone(x, outcome) {
        const taken = x.state.get(key) as Taken | undefined
        if (taken !== undefined) file.write(`${JSON.stringify(lineOf(x, taken, outcome, redaction))}\n`)
      },
      metrics: () => ({ recorded: file.written, lost: file.dropped }),
      close: () => file.close(),
    }
  },
})

function lineOf(x: PipeExchange, { at, request, answer }: Taken, outcome: object, redaction: Redaction): object {
  return {
    time: new Date(at).toISOString(),
    id: x.id,
    client: x.address,
    method: x.method,
    host: x.host,
    target: redaction.target(x.asked),
    route: x.route,
    service: x.service,
    ...outcome,
    request: { headers: request.headers, ...request.body?.shown() },
    ...(answer && { answer: { headers: answer.headers, ...answer.body?.shown() } }),
  }
}

function fieldsOf(fields: FieldLines, redaction: Redaction): Fields {
  return [...fields].map(([name, value]) => [name, redaction.field(name.toLowerCase(), value)])
}

/** The first bytes of a body. */
class Kept implements BodyWatcher {
  private pieces: Buffer[] = []
  private kept = 0
  private bytes = 0
  private whole = false

  constructor(private readonly most: number) {}

  piece(bytes: Buffer): void {
    this.bytes += bytes.length
    const room = this.most - this.kept
    if (room <= 0) return
    const piece = Buffer.from(bytes.subarray(0, room))
    this.pieces.push(piece)
    this.kept += piece.length
  }

  end(whole: boolean): void {
    this.whole = whole
  }

  /** Text where it is UTF-8, else base64. */
  shown(): Record<string, unknown> {
    const body = Buffer.concat(this.pieces)
    const text = textOf(body, this.bytes > this.kept)
    return {
      bytes: this.bytes,
      ...(!this.whole && { cutOff: true }),
      ...(this.bytes > this.kept && { shortened: true }),
      ...(text === undefined ? { base64: body.toString('base64') } : { body: text }),
    }
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** `open`: the last character may be cut in two. */
function textOf(body: Buffer, open: boolean): string | undefined {
  for (let less = 0; less <= (open ? 3 : 0); less++) {
    try {
      return decoder.decode(body.subarray(0, body.length - less))
    } catch {
      // One byte less may end with a whole character.
    }
  }
  return undefined
}
