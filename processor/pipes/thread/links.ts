// What a pipe's thread asks the worker for: requests to services, decisions about limits, lines in the log.
import { ProxyError } from '../../../shared/errors.js'
import type { Calling } from '../../call.js'
import type { PipeExchange, PipeTools } from '../pipe.js'
import { callOf } from './apply.js'
import { bytesOf, type AnswerData, type ErrorData, type FromThread, type ToThread } from './wire.js'

/** Requests of one thread under way at once. */
const MOST_CALLS = 256
/** Lines that one thread may log in a second. */
const MOST_LINES = 100
const LONGEST_LINE = 8192

type Asked = Extract<FromThread, { kind: 'call' | 'cancel' | 'take' | 'log' | 'late' }>

export interface Links {
  hear(message: Asked, exchangeOf: (hook: number) => PipeExchange | undefined): void
  /** The thread has ended: what it asked for is given up. */
  drop(): void
}

export function createLinks(tools: PipeTools, say: (message: ToThread) => void): Links {
  const calls = new Map<number, Calling>()
  let second = 0
  let lines = 0

  function call(
    { id, hook, call }: Extract<FromThread, { kind: 'call' }>,
    exchangeOf: (hook: number) => PipeExchange | undefined,
  ): void {
    const refuse = (error: unknown): void => say({ kind: 'answered', id, result: errorData(error) })
    try {
      if (calls.size >= MOST_CALLS || calls.has(id)) throw new Error(`at most ${MOST_CALLS} calls at once`)
      const x = hook === 0 ? tools : exchangeOf(hook)
      if (x === undefined) throw new Error('the hook is over: call with tools.call')
      const calling = x.call(callOf(call))
      calls.set(id, calling)
      calling.answer.then(
        ({ status, statusText, fields, body, instance }) => {
          calls.delete(id)
          const result: AnswerData = { status, statusText, fields: fields.text, body: bytesOf(body), instance }
          say({ kind: 'answered', id, result })
        },
        (error: unknown) => {
          calls.delete(id)
          refuse(error)
        },
      )
    } catch (error) {
      refuse(error)
    }
  }

  function mayLog(): boolean {
    const now = Math.floor(tools.now() / 1000)
    if (now !== second) [second, lines] = [now, 0]
    return ++lines <= MOST_LINES
  }

  function log({ level, fields, message }: Extract<FromThread, { kind: 'log' }>): void {
    const write = level === 'debug' || level === 'info' || level === 'warn' ? level : 'error'
    const tooLong = JSON.stringify(fields).length > LONGEST_LINE
    tools.log[write](tooLong ? {} : fields, String(message).slice(0, LONGEST_LINE))
  }

  return {
    hear(message, exchangeOf) {
      switch (message.kind) {
        case 'call':
          return call(message, exchangeOf)
        case 'cancel':
          return calls.get(message.id)?.cancel()
        case 'take': {
          const { id, name, key, rule } = message
          void Promise.resolve(tools.machine.take(String(name), String(key), rule)).then((verdict) =>
            say({ kind: 'decided', id, verdict }),
          )
          return
        }
        case 'log':
          if (mayLog()) log(message)
          return
        case 'late':
          if (mayLog())
            tools.log.error({ error: String(message.error).slice(0, LONGEST_LINE) }, 'a pipe threw outside of any hook')
      }
    },
    drop() {
      for (const calling of calls.values()) calling.cancel()
      calls.clear()
    },
  }
}

function errorData(error: unknown): ErrorData {
  if (error instanceof ProxyError) {
    const { code, side, retry, message } = error
    return { code, side, retry, message }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'internal', side: 'pipe', retry: 'never', message }
}
