// What a pipe's thread may change in an exchange: everything it says is checked before it counts.
import { CODES, type Code } from '../../../shared/errors.js'
import type { Call } from '../../call.js'
import { checkedLines, type FieldLines } from '../../field-lines.js'
import type { AnswerHead, PipeExchange, Reply } from '../pipe.js'
import {
  bufferOf,
  bytesOf,
  type CallData,
  type Changes,
  type ExchangeData,
  type HeadData,
  type ReplyData,
} from './wire.js'

export function dataOf(x: PipeExchange): ExchangeData {
  return {
    id: x.id,
    traceId: x.traceId,
    method: x.method,
    host: x.host,
    path: x.path,
    asked: x.asked,
    target: x.target,
    address: x.address,
    secure: x.secure,
    route: x.route,
    service: x.service,
    startedAt: x.startedAt,
    fields: x.headers.text,
    params: paramsOf(x),
    body: x.body && bytesOf(x.body),
    bodyKind: x.bodyKind,
    bodyLength: x.bodyLength,
    state: [...x.state].filter(([, value]) => canTravel(value)),
  }
}

/** The id of a route has its path, and so the names of its parameters. */
function paramsOf(x: PipeExchange): [string, string][] {
  return Array.from(x.route.matchAll(/\{([^}]*)\}/g)).flatMap(([, name = '']) => {
    const value = x.param(name)
    return value === undefined ? [] : [[name, value] as [string, string]]
  })
}

function canTravel(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'function' && typeof value !== 'symbol'
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}

export function headOf(answer: AnswerHead): HeadData {
  const { status, headers, from, error, length, bodiless, body } = answer
  return { status, fields: headers.text, from, error, length, bodiless, body: body && bytesOf(body) }
}

/** Throws a TypeError for what cannot be done; what came before it has been done then. */
export function applyChanges(changes: Changes, x: PipeExchange, answer: AnswerHead | undefined): Reply | undefined {
  const { target, fields, body, service, set, deleted, reply } = changes
  if (target !== undefined) x.target = textOf(target)
  if (fields !== undefined) setFields(x.headers, textOf(fields))
  if (body !== undefined) x.setBody(bufferOf(body))
  if (service !== undefined) x.sendTo(textOf(service))
  for (const key of deleted) x.state.delete(key)
  for (const [key, value] of set) x.state.set(textOf(key), value)
  if (answer && changes.answer) {
    answer.status = statusOf(changes.answer.status)
    if (changes.answer.fields !== undefined) setFields(answer.headers, textOf(changes.answer.fields))
    if (changes.answer.body !== undefined) answer.setBody(bufferOf(changes.answer.body))
  }
  return reply && replyOf(reply)
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('text was to come from the thread')
  return value
}

function statusOf(status: unknown): number {
  if (typeof status === 'number' && Number.isInteger(status) && status >= 200 && status <= 599) return status
  throw new TypeError(`${String(status)} is no status of an answer`)
}

/** Lines that were there before may stay as they are; all others must be such as a pipe may set. */
function setFields(headers: FieldLines, text: string): void {
  headers.text = checkedLines(text, headers.text)
}

const KNOWN_CODES: ReadonlySet<unknown> = new Set(CODES)

function replyOf({ status, headers, lines, body, length, error }: ReplyData): Reply {
  return {
    status: statusOf(status),
    ...(headers && { headers }),
    ...(lines !== undefined && { lines: checkedLines(textOf(lines)) }),
    ...(body !== undefined && { body: typeof body === 'string' ? body : bufferOf(body) }),
    ...(Number.isSafeInteger(length) && { length: length as number }),
    ...(KNOWN_CODES.has(error) && { error: error as Code }),
  }
}

/** A request that the thread makes; it is checked as any other pipe's is. */
export function callOf({ service, method, target, fields, body, timeoutMs, mostBytes, forwarded }: CallData): Call {
  return {
    service: textOf(service),
    method: textOf(method),
    target: textOf(target),
    fields: checkedLines(textOf(fields)),
    ...(body !== undefined && { body: bufferOf(body) }),
    timeoutMs: Math.max(0, Number(timeoutMs) || 0),
    mostBytes: Math.max(0, Number(mostBytes) || 0),
    ...(typeof forwarded === 'boolean' && { forwarded }),
  }
}
