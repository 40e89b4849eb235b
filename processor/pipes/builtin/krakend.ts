// Gives an imported gateway KrakenD's visible details: its own paths, the form of its failures, and the redirects of its
// router. Clients that have spoken to KrakenD for years rely on them.
import type { KrakendOptions } from '../../../shared/config/pipes/krakend.js'
import { ERRORS, type Code } from '../../../shared/errors.js'
import { PROBLEM_TYPE } from '../../../shared/problem.js'
import { PRODUCT, VERSION } from '../../../shared/version.js'
import { definePipe, type AnswerHead, type Pipe, type PipeExchange, type Reply } from '../pipe.js'
import { createNearPaths, type NearPaths } from '../near-paths.js'

const PRODUCT_FIELD = 'X-Krakend'
const PRODUCT_VALUE = `${PRODUCT}/${VERSION}`
const JSON_TYPE = 'application/json; charset=utf-8'
const PLAIN_TYPE = 'text/plain; charset=utf-8'
const MOST_ECHOED = 1024 * 1024

/** The gateway sets them anew on every reply, and the length is the new body's. */
const NOT_KEPT: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'content-type',
  'date',
  'transfer-encoding',
  'via',
  'x-request-id',
])

const ONLY_SLASH = { slash: true, letters: false }

/** Refusals of KrakenD's router: the status says all. */
const SILENT: ReadonlySet<Code> = new Set(['unauthenticated', 'forbidden', 'rate-limited', 'overload'])

export default definePipe<KrakendOptions>({
  buffer: ({ answer }) => (answer === 'echo' ? { request: MOST_ECHOED } : {}),
  create: (options) => (options.answer === undefined ? new Details(options) : createAnswer(options.answer)),
})

function createAnswer(answer: NonNullable<KrakendOptions['answer']>): Pipe {
  const bodyOf = { health, debug: () => '{"message":"pong"}', echo }[answer]
  return {
    onRequest: (x) => ({ status: 200, headers: { 'Content-Type': JSON_TYPE }, body: bodyOf(x) }),
  }
}

function isProblem({ error, headers }: AnswerHead): boolean {
  return error !== undefined && headers.get('content-type') === PROBLEM_TYPE
}

/** An expression did not hold: to KrakenD that is a failure of the answer, and no refusal. */
function isAborted({ error, status }: AnswerHead): boolean {
  return error === 'forbidden' && status >= 500
}

function health(): string {
  return JSON.stringify({ agents: {}, now: new Date().toISOString(), status: 'ok' })
}

function echo(x: PipeExchange): string {
  const mark = x.asked.indexOf('?')
  const query = mark < 0 ? '' : x.asked.slice(mark + 1)
  return JSON.stringify({
    req_body: x.body?.toString('utf8') ?? '',
    req_headers: Object.fromEntries(listed(x.headers, canonical)),
    req_method: x.method,
    req_querystring: Object.fromEntries(listed(new URLSearchParams(query), (name) => name)),
    req_uri: x.asked,
    req_uri_details: { fragment: '', host: x.host, path: x.path, query, user: '' },
  })
}

function listed(pairs: Iterable<[string, string]>, spell: (name: string) => string): [string, string[]][] {
  const lists = new Map<string, string[]>()
  for (const [name, value] of pairs) {
    const list = lists.get(spell(name))
    if (list) list.push(value)
    else lists.set(spell(name), [value])
  }
  return [...lists].sort(([a], [b]) => (a < b ? -1 : 1))
}

function canonical(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
}

class Details implements Pipe {
  private readonly near: NearPaths
  private readonly hasRoot: boolean

  constructor(private readonly options: KrakendOptions) {
    this.near = createNearPaths(options.paths)
    this.hasRoot = options.paths.includes('/')
  }

  onRequest(x: PipeExchange): Reply | undefined {
    // Natively a gateway without a route for its root says there that it is well.
    if (x.path === '/') return x.route === '' && !this.hasRoot ? this.missing(this.named({})) : undefined
    // Natively a slash at the end makes no difference.
    if (!x.path.endsWith('/') || this.near.find(x.path, ONLY_SLASH) === undefined) return undefined
    return this.redirect(x, this.named({})) ?? this.missing(this.named({}))
  }

  onResponse(x: PipeExchange, answer: AnswerHead): Reply | undefined {
    const { error, headers } = answer
    if (error !== undefined && isProblem(answer)) return this.failure(x, answer, error)
    if (isAborted(answer)) {
      headers.set(this.options.completed, 'false')
      if (!this.options.errorText)
        return { status: answer.status, headers: this.named(fieldsOf(answer)), error: 'forbidden' }
    }
    if (this.options.version) headers.set(PRODUCT_FIELD, PRODUCT_VALUE)
    return undefined
  }

  private failure(x: PipeExchange, answer: AnswerHead, error: Code): Reply {
    const kept = this.named(fieldsOf(answer))
    if (error === 'no-route') return this.redirect(x, kept) ?? { ...this.missing(kept), error }
    if (error === 'method-not-allowed') {
      return { ...this.plain(405, '405 method not allowed', this.options.notAllowed, kept), error }
    }
    if (SILENT.has(error)) return { status: answer.status, headers: kept, error }
    const completed = { ...kept, [this.options.completed]: 'false' }
    const status = answer.status < 500 ? answer.status : 500
    if (!this.options.errorText) return { status, headers: completed, error }
    const headers = { ...completed, 'Content-Type': PLAIN_TYPE }
    return { status, headers, body: ERRORS[error].title, error }
  }

  private missing(kept: Fields): Reply {
    return this.plain(404, '404 page not found', this.options.notFound, kept)
  }

  private named(fields: Fields): Fields {
    return this.options.version ? { ...fields, [PRODUCT_FIELD]: [PRODUCT_VALUE] } : fields
  }

  private plain(status: number, text: string, json: string | undefined, kept: Fields): Reply {
    const type = json === undefined ? 'text/plain' : JSON_TYPE
    return { status, headers: { ...kept, 'Content-Type': type, [this.options.completed]: 'false' }, body: json ?? text }
  }

  private redirect(x: PipeExchange, kept: Fields): Reply | undefined {
    const { redirects } = this.options
    if (!redirects.slash && !redirects.letters) return undefined
    const path = this.near.find(x.path, redirects)
    if (path === undefined) return undefined
    const status = x.method === 'GET' ? 301 : 307
    const { 'Proxy-Status': _, ...headers } = kept
    return { status, headers: { ...headers, Location: path + x.asked.slice(x.path.length) } }
  }
}

type Fields = Record<string, string[]>

/** What other pipes have said goes on with the new answer. */
function fieldsOf({ headers }: AnswerHead): Fields {
  const kept: Fields = {}
  for (const [name, value] of headers) {
    if (!NOT_KEPT.has(name.toLowerCase())) (kept[name] ??= []).push(value)
  }
  // Problems are never kept by caches; here nothing is said about it.
  delete kept['Cache-Control']
  return kept
}
