// The thread of one pipe: runs the user's hooks against copies of exchanges, and says what they changed.
import { parentPort, workerData } from 'node:worker_threads'
import { ProxyError } from '../../../shared/errors.js'
import type { Log } from '../../../shared/log.js'
import type { Answer, Calling } from '../../call.js'
import { FieldLines } from '../../field-lines.js'
import { checkOptions, importDefinition } from '../definition.js'
import type { Verdict } from '../machine-state.js'
import { pipeOf } from '../made.js'
import type { Buffered, Call, Pipe, PipeTools, Reply } from '../pipe.js'
import { createTeller } from './counts.js'
import { MOST_CALLS, MOST_DECISIONS, MOST_LINES, perSecond } from './limits.js'
import { LocalAnswer, LocalExchange } from './local-exchange.js'
import {
  bufferOf,
  bytesOf,
  HOOKS,
  type AnswerData,
  type ErrorData,
  type FromThread,
  type ReplyData,
  type ThreadStart,
  type ToThread,
} from './wire.js'

const BEAT_MS = 50
/** What is counted outside of hooks is told so often. */
const COUNTS_MS = 100
/** Of a reply that comes in pieces. */
const MOST_REPLY_BYTES = 16 * 1024 * 1024

const port = parentPort as NonNullable<typeof parentPort>
const start = workerData as ThreadStart

interface Waiting<T> {
  resolve(value: T): void
  reject(error: Error): void
}

const calls = new Map<number, Waiting<Answer>>()
const decisions = new Map<number, Waiting<Verdict>>()
const aborters = new Map<number, AbortController>()
let ids = 0

const say = (message: FromThread): void => port.postMessage(message)
// What is left out here costs the worker nothing.
const mayLog = perSecond(MOST_LINES, () => performance.now())
const tellLate = (error: unknown): void => {
  if (mayLog()) say({ kind: 'late', error: textOf(error) })
}
/** Before a hook is over, so that what it counted is known by then. */
let tellCounts: () => void = () => undefined

setInterval(() => void Atomics.add(start.beats, 0, 1), BEAT_MS).unref()
// What is thrown behind the back of a hook fails nobody: it is told, and the thread goes on.
process.on('unhandledRejection', tellLate)
process.on('uncaughtException', tellLate)

try {
  const { pipe, buffer } = await create()
  tellCounts = createTeller(pipe, (counts) => say({ kind: 'counts', counts }), tellLate)
  setInterval(tellCounts, COUNTS_MS).unref()
  port.on('message', (message: ToThread) => void hear(pipe, message))
  say({ kind: 'ready', hooks: HOOKS.filter((name) => typeof pipe[name] === 'function'), buffer })
} catch (error) {
  say({ kind: 'refused', message: textOf(error) })
}

async function create(): Promise<{ pipe: Pipe; buffer: Buffered }> {
  const definition = await importDefinition(start.module, start.stamp)
  const checked = await checkOptions(definition, start.options)
  if ('faults' in checked) throw new Error(`its options: ${checked.faults.map(({ message }) => message).join('; ')}`)
  const { buffer = {} } = definition
  const { request, response } = typeof buffer === 'function' ? buffer(checked.value) : buffer
  const tools = createTools()
  const pipe = pipeOf(await definition.create(checked.value, tools), tools.log)
  return { pipe, buffer: { ...(request !== undefined && { request }), ...(response !== undefined && { response }) } }
}

function createTools(): PipeTools {
  const { name, directory, workers, timeOrigin } = start
  const shift = performance.timeOrigin - timeOrigin
  return {
    name,
    directory,
    workers,
    log: createLog({}),
    // The worker's clock began earlier.
    now: () => performance.now() + shift,
    after(ms, run) {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    },
    call: (call) => callOver(call, 0),
    machine: {
      take: (limit, key, rule) =>
        new Promise<Verdict>((resolve, reject) => {
          if (decisions.size >= MOST_DECISIONS) throw new Error(`at most ${MOST_DECISIONS} decisions at once`)
          const id = ++ids
          decisions.set(id, { resolve, reject })
          say({ kind: 'take', id, name: limit, key, rule })
        }),
    },
  }
}

function createLog(own: Record<string, unknown>): Log {
  const write = (level: string) => (fields: Record<string, unknown>, message: string) => {
    if (mayLog()) say({ kind: 'log', level, fields: plainOf({ ...own, ...fields }), message: String(message) })
  }
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => createLog({ ...own, ...fields }),
  }
}

/** As a line of a log would show it: functions cannot travel. */
function plainOf(fields: Record<string, unknown>): Record<string, unknown> {
  try {
    return JSON.parse(JSON.stringify(fields)) as Record<string, unknown>
  } catch {
    return {}
  }
}

function callOver(call: Call, hook: number): Calling {
  const id = ++ids
  const { body, ...rest } = call
  if (calls.size >= MOST_CALLS) throw new Error(`at most ${MOST_CALLS} calls at once`)
  const answer = new Promise<Answer>((resolve, reject) => calls.set(id, { resolve, reject }))
  say({ kind: 'call', id, hook, call: { ...rest, ...(body && { body: bytesOf(body) }) } })
  return { answer, cancel: () => say({ kind: 'cancel', id }) }
}

async function hear(pipe: Pipe, message: ToThread): Promise<void> {
  switch (message.kind) {
    case 'hook':
      return runHook(pipe, message)
    case 'gone':
      aborters.get(message.id)?.abort()
      return void aborters.delete(message.id)
    case 'answered':
      return settleCall(message.id, message.result)
    case 'decided':
      decisions.get(message.id)?.resolve(message.verdict)
      return void decisions.delete(message.id)
    case 'close':
      try {
        await pipe.close?.()
      } catch (error) {
        tellLate(error)
      }
      tellCounts()
      return say({ kind: 'closed' })
  }
}

async function runHook(pipe: Pipe, message: Extract<ToThread, { kind: 'hook' }>): Promise<void> {
  const { id } = message
  const x = new LocalExchange(message.x, {
    call: (call) => callOver(call, id),
    listen(aborter) {
      aborters.set(id, aborter)
      say({ kind: 'listen', id })
    },
  })
  let answer: LocalAnswer | undefined
  let reply: Reply | void = undefined
  try {
    switch (message.hook) {
      case 'onRequest':
        reply = await pipe.onRequest?.(x)
        break
      case 'onResponse':
        answer = new LocalAnswer(message.answer)
        reply = await pipe.onResponse?.(x, answer)
        break
      case 'onError':
        reply = await pipe.onError?.(x, errorOf(message.error))
        break
      case 'onDone':
        await pipe.onDone?.(x, message.outcome)
    }
    const changes = {
      ...x.changes(),
      ...(answer && { answer: answer.changes() }),
      ...(reply && { reply: await replyOf(reply) }),
    }
    tellCounts()
    say({ kind: 'done', id, changes })
  } catch (error) {
    tellCounts()
    say({ kind: 'threw', id, error: textOf(error) })
  }
  aborters.delete(id)
}

async function replyOf({ status, headers, lines, body, length, error }: Reply): Promise<ReplyData> {
  const whole = body === undefined || typeof body === 'string' ? body : await wholeOf(body)
  return {
    status,
    ...(headers && { headers }),
    ...(lines !== undefined && { lines }),
    ...(whole !== undefined && { body: whole }),
    ...(length !== undefined && { length }),
    ...(error !== undefined && { error }),
  }
}

async function wholeOf(body: Uint8Array | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return bytesOf(body)
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of body) {
    bytes += piece.length
    if (bytes > MOST_REPLY_BYTES) throw new RangeError(`a reply from a thread has at most ${MOST_REPLY_BYTES} bytes`)
    pieces.push(piece)
  }
  return bytesOf(Buffer.concat(pieces))
}

function settleCall(id: number, result: AnswerData | ErrorData): void {
  const waiting = calls.get(id)
  calls.delete(id)
  if ('code' in result) return waiting?.reject(errorOf(result))
  waiting?.resolve({ ...result, fields: new FieldLines(result.fields), body: bufferOf(result.body) })
}

function errorOf({ code, side, retry, message }: ErrorData): ProxyError {
  return new ProxyError(code, side, retry, message)
}

function textOf(reason: unknown): string {
  try {
    return reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)
  } catch {
    return 'something that cannot be shown'
  }
}
