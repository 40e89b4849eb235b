// What a pipe's thread asks the worker for: requests to services, decisions about limits, lines in the log.
import { ProxyError } from '../../../shared/errors.js'
import type { Calling } from '../../call.js'
import type { PipeExchange, PipeTools } from '../pipe.js'
import { callOf } from './apply.js'
import { MOST_CALLS, MOST_LINES, perSecond } from './limits.js'
import { bytesOf, type AnswerData, type ErrorData, type FromThread, type ToThread } from './wire.js'

const LONGEST_LINE = 8192

type Asked = Extract<FromThread, { kind: 'call' | 'cancel' | 'take' | 'log' | 'late' }>

export interface Links {
  hear(message: Asked, exchangeOf: (hook: number) => PipeExchange | undefined): void
  /** The thread has ended: what it asked for is given up. */
  drop(): void
}

export function createLinks(tools: PipeTools, say: (message: ToThread) => void): Links {
  const calls = new Map<number, Calling>()
  const mayLog = perSecond(MOST_LINES, () => tools.now())

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
