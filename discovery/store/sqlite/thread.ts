// The database thread: does one call after the other and answers each.
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../../shared/clock.js'
import type { Log } from '../../../shared/log.js'
import { createDatabase } from './database.js'
import { Unusable, reasonOf } from './failure.js'
import type { Call, FromThread } from './protocol.js'

if (!parentPort) throw new Error('this module runs in a worker thread')
const port = parentPort

const write = (level: 'info' | 'warn' | 'error') => (fields: Record<string, unknown>, message: string) =>
  send({ kind: 'log', level, fields, message })
const log: Log = {
  debug: () => undefined,
  info: write('info'),
  warn: write('warn'),
  error: write('error'),
  child: () => log,
}
const database = createDatabase(String(workerData), { clock: systemClock, log })

port.on('message', (call: Call) => {
  try {
    send({ kind: 'answer', id: call.id, value: answer(call) })
  } catch (error) {
    const kind = error instanceof Unusable ? 'unavailable' : 'rejected'
    send({ kind: 'failure', id: call.id, failure: { kind, reason: reasonOf(error) } })
  }
  // Nothing else keeps the thread alive.
  if (call.name === 'close') port.close()
})

function answer({ name, args }: Call): unknown {
  if (name === 'close') return database.close()
  if (name === 'open') return database.run(() => undefined)
  // The caller's types have matched the arguments with the name: see Link.
  return database.run((operations) => (operations[name] as (...args: readonly unknown[]) => unknown)(...args))
}

function send(message: FromThread): void {
  port.postMessage(message)
}
