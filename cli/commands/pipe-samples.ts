// The requests that `serverpy pipe test` sends: a list written by hand, or what the pipe `record` has kept.
import { readFileSync } from 'node:fs'
import type { Sample } from '../pipe-trial.js'
import { CommandFailure } from './discovery-client.js'

const MOST_BYTES = 64 * 1024 * 1024

/** Throws a CommandFailure that names the file, and the entry or line of it. */
export function readSamples(file: string): readonly Sample[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    throw new CommandFailure([`${file}: ${code === 'ENOENT' ? 'there is no such file' : 'cannot be read'}`], 2)
  }
  if (text.length > MOST_BYTES) throw new CommandFailure([`${file}: larger than 64 MiB`], 2)
  if (RECORDED.test(text)) return recordedIn(text, file)
  const list = readJson(text, file)
  if (!Array.isArray(list)) throw new CommandFailure([`${file}: must be a list of requests`], 2)
  return list.map((given: unknown, i) => {
    const fault = isObject(given) ? faultOf(given) : 'must be an object'
    if (fault !== undefined) throw new CommandFailure([`${file}: [${i}]: ${fault}`], 2)
    return given as Sample
  })
}

/** How each line of `record` begins. */
const RECORDED = /^\s*\{"time":/

function recordedIn(text: string, file: string): Sample[] {
  const lines = text.split('\n')
  // A gateway that runs may be about to write the last one.
  if (lines.at(-1) !== '') lines.pop()
  return lines.flatMap((line, i) =>
    line === '' ? [] : [sampleOf(readJson(line, `${file}:${i + 1}`), `${file}:${i + 1}`)],
  )
}

interface Message {
  readonly headers: readonly (readonly [string, string])[]
  readonly body?: string
  readonly base64?: string
}

/** Said anew for each message, by who sends it. */
const FRAMING = new Set('host content-length transfer-encoding connection keep-alive date via x-request-id'.split(' '))

/** Of a body that was not kept whole there is the beginning; what was hidden stays hidden. */
function sampleOf(given: unknown, where: string): Sample {
  const { method, target, host, status, request, answer } = isObject(given) ? given : {}
  if (typeof method !== 'string' || typeof target !== 'string' || !isMessage(request))
    throw new CommandFailure([`${where}: no line of the pipe record`], 2)
  const headers = { ...(typeof host === 'string' && { host }), ...fieldsOf(request) }
  // Of an exchange that failed before there was an answer, a plain one is as good as any.
  const answered = isMessage(answer) && Number(status) >= 200 && Number(status) <= 599
  return {
    method,
    target,
    headers,
    ...bodyOf(request),
    answer: answered ? { status: Number(status), headers: fieldsOf(answer), body: '', ...bodyOf(answer) } : {},
  }
}

function isMessage(value: unknown): value is Message {
  const isField = (one: unknown) =>
    Array.isArray(one) && one.length === 2 && one.every((part) => typeof part === 'string')
  return isObject(value) && Array.isArray(value['headers']) && value['headers'].every(isField)
}

function bodyOf({ body, base64 }: Message): { body?: string | Uint8Array } {
  if (base64 !== undefined) return { body: Buffer.from(base64, 'base64') }
  return body === undefined ? {} : { body }
}

function fieldsOf({ headers }: Message): Record<string, string[]> {
  const fields = new Map<string, string[]>()
  for (const [name, value] of headers) {
    const key = name.toLowerCase()
    if (!FRAMING.has(key)) fields.set(key, [...(fields.get(key) ?? []), value])
  }
  return Object.fromEntries(fields)
}

const KEYS = ['method', 'target', 'headers', 'body', 'answer']

function faultOf(given: Record<string, unknown>): string | undefined {
  const { method, target, headers, body, answer = {} } = given
  const stray = Object.keys(given).find((key) => !KEYS.includes(key))
  if (stray !== undefined) return `unknown key ${JSON.stringify(stray)}: there are ${KEYS.join(', ')}`
  if (!isTextOrNone(method)) return '"method" must be text'
  if (!isTextOrNone(target) || (target ?? '/').startsWith('/') === false)
    return '"target" must be text that begins with "/"'
  if (!isTextOrNone(body)) return '"body" must be text'
  if (!areFields(headers)) return '"headers" must be an object of texts, or of lists of texts'
  if (!isObject(answer)) return '"answer" must be an object'
  const { status = 200 } = answer
  if (!Number.isInteger(status) || Number(status) < 200 || Number(status) > 599)
    return '"answer.status" must be 200 to 599'
  if (!isTextOrNone(answer['body'])) return '"answer.body" must be text'
  return areFields(answer['headers']) ? undefined : '"answer.headers" must be an object of texts, or of lists of texts'
}

function isTextOrNone(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}

function areFields(value: unknown): boolean {
  const isText = (one: unknown) => typeof one === 'string'
  if (value === undefined) return true
  return isObject(value) && Object.values(value).every((one) => (Array.isArray(one) ? one.every(isText) : isText(one)))
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function readJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new CommandFailure([`${what}: ${error instanceof Error ? error.message : 'not JSON'}`], 2)
  }
}
