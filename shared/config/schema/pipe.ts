// What every pipe of the file may hold, whatever it does; its own options stand beside these keys.
import { z } from 'zod'
import { PIPE, PIPE_BREAKER } from '../defaults.js'
import { count, durations, nonEmpty, oneOf, orSwitch, POSITIVE_TIMER, size, text } from './fields.js'

/** More would not fit into a worker's memory for a handful of exchanges. */
const MOST_HELD = 2 ** 30

const buffer = z
  .strictObject({
    request: size(0, MOST_HELD)
      .optional()
      .meta({ description: 'Bytes of the body of a request; a longer one gets 413.' }),
    response: size(0, MOST_HELD)
      .optional()
      .meta({ description: 'Bytes of the body of an answer; a longer one becomes 502.' }),
  })
  .meta({ id: 'PipeBuffer', description: 'How much of a body is held back for the pipe until it is whole.' })

const breaker = z
  .strictObject({
    failures: count(1, 1_000_000)
      .optional()
      .meta({ description: 'Failures in a row that switch the pipe off.', default: PIPE_BREAKER.failures }),
    ...durations('open', 'How long it stays off; then one exchange tries it.', POSITIVE_TIMER, PIPE_BREAKER.openMs),
  })
  .meta({ id: 'PipeBreaker', description: 'When a pipe that fails again and again is switched off.' })

const LONGEST_NAME = 100

function nameFault(name: string) {
  if (name.trim() === '') return { message: 'must not be empty' }
  if (name.length > LONGEST_NAME) return { message: `has at most ${LONGEST_NAME} characters` }
  return /\p{Cc}/u.test(name) ? { message: 'must not hold control characters' } : undefined
}

/** Of every pipe. No option of a built-in may have one of these names. */
export const pipeKeys = {
  use: nonEmpty().meta({
    description: 'Name of a built-in pipe, path of a module that begins with ./, or npm package.',
  }),
  name: text(nameFault).optional().meta({ description: 'What logs, metrics and `explain` call it.' }),
  when: nonEmpty()
    .optional()
    .meta({ description: 'Condition in CEL: without it, the pipe takes part in every exchange.' }),
  on_throw: oneOf(['fail', 'skip']).optional().meta({
    description: 'What becomes of an exchange in which it throws or takes too long: it fails, or goes on without it.',
    default: PIPE.onThrow,
  }),
  ...durations('hook_timeout', 'How long one of its hooks may take.', POSITIVE_TIMER, PIPE.hookMs),
  isolate: oneOf(['none', 'thread'])
    .optional()
    .meta({ description: 'thread: a module runs in a thread of its own.', default: PIPE.isolate }),
  buffer: buffer.optional(),
  breaker: orSwitch(breaker, 'failures, open')
    .optional()
    .meta({ description: 'When it is switched off for a while; true: with the defaults.', default: false }),
}

/** Options are checked in a second step: by the built-in's own schema, or by the module. */
export const pipe = z
  .looseObject(pipeKeys)
  .meta({ id: 'Pipe', description: 'A pipe, with its options beside these keys.' })

export const pipes = z
  .array(pipe)
  .optional()
  .meta({ description: 'Pipes: each sees the request in this order, and the answer in the reverse order.' })
