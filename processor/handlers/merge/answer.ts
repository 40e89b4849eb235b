// Writes the answer of a route that puts answers together: data, one answer as it came, or a failure.
import type { MergeConfig } from '../../../shared/config/merge-model.js'
import { ProxyError } from '../../../shared/errors.js'
import type { Answer } from '../../call.js'
import type { Core } from '../../core.js'
import { date, hasContent, lengthLine, statusText } from '../../engine/reply.js'
import type { Exchange } from '../../exchange.js'
import { FieldLines } from '../../field-lines.js'
import { isKnown } from '../../pipes/claims.js'
import type { Combined } from './combine.js'
import { render } from './render/render.js'
import type { Fields } from './value.js'

type AnswerCore = Pick<Core, 'fail' | 'via'>

export function answerData(x: Exchange, data: Fields, complete: boolean, config: MergeConfig, core: AnswerCore): void {
  const { completed, cacheSeconds, output } = config
  const whole = complete && data.size > 0
  const { type, body } = render(config, data, x.header('accept'))
  const lines =
    `Content-Type: ${type}\r\n` +
    (whole && cacheSeconds > 0 ? `Cache-Control: ${whose(x, config)}, max-age=${cacheSeconds}\r\n` : '') +
    (output === 'negotiate' ? 'Vary: Accept\r\n' : '') +
    `${completed}: ${whole}\r\n`
  write(x, 200, lines, Buffer.from(body), core.via)
}

/** Who may keep it: what is put together for one whom a pipe or a service knows is not for caches that others share. */
function whose(x: Exchange, { forwarding }: MergeConfig): 'public' | 'private' {
  if (forwarding === 'strict') return 'public'
  const known = x.header('authorization') !== undefined || (x.pipes !== undefined && isKnown(x.pipes))
  return known ? 'private' : 'public'
}

/** An answer of an instance, with its own status, fields and body. */
export function answerAsItIs(x: Exchange, answer: Answer, config: MergeConfig, core: AnswerCore): void {
  write(x, answer.status, linesAsTheyAre(x, answer, config), answer.body, core.via)
}

/** The same of one whose body comes piece by piece, as `framing` says. `keep` false: it ends with the connection. */
export function beginAsItIs(
  x: Exchange,
  answer: Answer,
  { framing, keep }: { framing: string; keep: boolean },
  config: MergeConfig,
  core: AnswerCore,
): void {
  writeHead(x, answer.status, linesAsTheyAre(x, answer, config) + framing, keep, core.via)
}

function linesAsTheyAre(x: Exchange, answer: Answer, config: MergeConfig): string {
  // Pipes see whose answer it is.
  x.instance = answer.instance
  const fields = new FieldLines(answer.fields.text)
  fields.delete('x-request-id')
  // Whether data are whole is not known of what nobody has read.
  return fields.text + (config.forwarding === 'strict' ? `${config.completed}: false\r\n` : '')
}

export function answerFailure(x: Exchange, { failures }: Combined, config: MergeConfig, core: AnswerCore): void {
  const { completed, returnErrorMsg, forwarding } = config
  const refused = failures.length === 1 ? failures[0]?.answer : undefined
  const line = `${completed}: false\r\n`
  if (refused === undefined && !returnErrorMsg && forwarding === 'native') {
    return core.fail(x, new ProxyError('merge-failed', 'upstream', 'never', 'no service brought its part'), line)
  }
  x.error = 'merge-failed'
  const text = returnErrorMsg ? failures.map(({ told }) => told).join('\n') : ''
  const type = refused?.fields.get('content-type') ?? 'text/plain; charset=utf-8'
  write(
    x,
    refused?.status ?? 500,
    `${text === '' ? '' : `Content-Type: ${type}\r\n`}${line}`,
    Buffer.from(text),
    core.via,
  )
}

function write(x: Exchange, status: number, fields: string, body: Buffer, via: string): void {
  writeHead(x, status, fields + lengthLine(status, body.length), true, via)
  if (body.length > 0 && hasContent(status) && x.method !== 'HEAD') x.client.writeBody(body, 0, body.length)
  x.client.finish()
}

function writeHead(x: Exchange, status: number, fields: string, keep: boolean, via: string): void {
  const lines = fields + (/^date:/im.test(fields) ? '' : date()) + `X-Request-Id: ${x.id}\r\nVia: 1.1 ${via}\r\n`
  x.client.writeHead(status, statusText(status), lines, keep)
}
