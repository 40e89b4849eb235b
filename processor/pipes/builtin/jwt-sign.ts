// Turns fields of a JSON answer into signed tokens: a service says what shall be in them, the gateway vouches for it.
import type { JwtSignOptions } from '../../../shared/config/pipes/jwt-sign.js'
import { keysOf, type KeyData } from '../../../shared/config/pipes/jwt-keys.js'
import { boundedFetch } from '../auth/bounded-fetch.js'
import { askedOf } from '../auth/key-set.js'
import { createRefreshed } from '../auth/refreshed.js'
import { createSigner, type Signer } from '../auth/signer.js'
import { definePipe, type AnswerHead, type PipeTools } from '../pipe.js'

const MOST_BYTES = 1024 * 1024
const LIMITS = { ttlMs: 600_000, cooldownMs: 30_000, timeoutMs: 5000, mostBytes: 256 * 1024 }

export default definePipe<JwtSignOptions>({
  buffer: { response: MOST_BYTES },
  create(options, tools) {
    const signer = createSource(options, tools)
    return {
      onRequest(x) {
        // Nothing can be found in an answer with a content coding.
        x.headers.delete('accept-encoding')
      },
      async onResponse(_, answer) {
        if (answer.error !== undefined || answer.status !== 200 || answer.body === undefined) return
        const data = objectOf(answer.body)
        const wanted = options.fields.filter((name) => data !== undefined && isPlain(data[name]))
        if (data === undefined || wanted.length === 0) return
        const sign = await signer()
        if (sign === undefined) throw new Error(`there is no key ${options.kid} to sign with`)
        for (const name of wanted) data[name] = sign(data[name] as Record<string, unknown>)
        replaceBody(answer, data)
      },
    }
  },
})

/** The signer with the key of the set that is asked for. */
function createSource(
  options: JwtSignOptions,
  tools: PipeTools,
): () => Promise<Signer | undefined> | Signer | undefined {
  const { keys, kid, algorithm } = options
  const made = (set: readonly KeyData[]): Signer | undefined => {
    const key = set.find((one) => one['kid'] === kid)
    return key && createSigner(key, algorithm, kid)
  }
  if (keys.kind === 'set') {
    const fixed = made(keys.keys)
    return () => fixed
  }
  const ask = () =>
    keys.kind === 'url'
      ? boundedFetch(keys.url, { accept: 'application/json' }, LIMITS)
      : tools.call({ service: keys.service, method: 'GET', target: keys.path, fields: '', ...LIMITS }).answer
  const load = async () => {
    const { status, body } = await ask()
    if (status !== 200) throw new Error(`the answer has the status ${status}`)
    const read = keysOf(body.toString('utf8'))
    if (typeof read === 'string') throw new Error(read)
    return { signer: made(read), text: JSON.stringify(read) }
  }
  const set = createRefreshed(
    load,
    (a, b) => a.text === b.text,
    () => undefined,
    LIMITS,
    { log: tools.log, now: () => tools.now(), from: askedOf(keys) },
  )
  return async () => (await set.get())?.signer
}

function objectOf(body: Buffer): Record<string, unknown> | undefined {
  try {
    const data: unknown = JSON.parse(body.toString('utf8'))
    return isPlain(data) ? data : undefined
  } catch {
    return undefined
  }
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What lets a cache keep an answer, or guess how long it may (RFC 9111 section 4.2.2): tokens are for one client. */
const CACHING = ['cache-control', 'expires', 'etag', 'last-modified']

function replaceBody(answer: AnswerHead, data: Record<string, unknown>): void {
  for (const name of CACHING) answer.headers.delete(name)
  answer.setBody(JSON.stringify(data))
}
