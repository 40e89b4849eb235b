// The line to the database thread: calls and answers, and a new thread when one dies.
import type { Worker } from 'node:worker_threads'
import type { Clock } from '../../../shared/clock.js'
import type { Log } from '../../../shared/log.js'
import { StoreUnavailable } from '../store.js'
import type { Call, FromThread, OperationName, Operations } from './protocol.js'
import type { Spawn } from './spawn.js'

export interface Link {
  /**
   * Asks the thread; calls are done in order. Rejects with StoreUnavailable when the engine or the thread is out of
   * order, with an Error when the call itself cannot be done.
   */
  call<N extends OperationName>(name: N, ...args: Parameters<Operations[N]>): Promise<ReturnType<Operations[N]>>
  /** Closes the file and ends the thread. */
  close(): Promise<void>
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

const FIRST_RESTART_MS = 100
const LONGEST_RESTART_MS = 5000
const CLOSE_WAIT_MS = 5000

export function createLink(path: string, deps: { clock: Clock; log: Log; spawn: Spawn }): Link {
  const waiting = new Map<number, Waiting>()
  let calls = 0
  let worker: Worker | undefined
  let closing = false
  let cancelRestart = () => {}
  let restartMs = FIRST_RESTART_MS
  let cause = 'the database thread has not started'
  let ended: Promise<void> = Promise.resolve()

  function start(): void {
    try {
      const fresh = deps.spawn(path)
      worker = fresh
      fresh.on('message', receive)
      fresh.on('error', (error) => (cause = `the database thread died: ${error.message}`))
      ended = new Promise((resolve) => {
        fresh.once('exit', (code) => {
          gone(code)
          resolve()
        })
      })
    } catch (error) {
      cause = `the database thread does not start: ${String(error)}`
      gone(-1)
    }
  }

  function gone(code: number): void {
    worker = undefined
    const error = new StoreUnavailable(cause)
    for (const call of waiting.values()) call.reject(error)
    waiting.clear()
    if (closing) return
    deps.log.error({ code, reason: cause, restartMs }, 'the database thread ended: it is started again')
    cancelRestart = deps.clock.after(restartMs, start)
    restartMs = Math.min(restartMs * 2, LONGEST_RESTART_MS)
  }

  function receive(message: FromThread): void {
    if (message.kind === 'log') {
      deps.log[message.level](message.fields, message.message)
      return
    }
    // A thread that answers is a good one: the next death is news again.
    restartMs = FIRST_RESTART_MS
    cause = 'the database thread ended'
    const call = waiting.get(message.id)
    waiting.delete(message.id)
    if (message.kind === 'answer') call?.resolve(message.value)
    else if (message.failure.kind === 'rejected') call?.reject(new Error(message.failure.reason))
    else call?.reject(new StoreUnavailable(message.failure.reason))
  }

  function ask(name: OperationName, args: readonly unknown[]): Promise<unknown> {
    const to = worker
    if (!to) return Promise.reject(new StoreUnavailable(cause))
    return new Promise((resolve, reject) => {
      const call: Call = { id: ++calls, name, args }
      waiting.set(call.id, { resolve, reject })
      try {
        to.postMessage(call)
      } catch (error) {
        // Not clonable: a defect of the caller, who gets it.
        waiting.delete(call.id)
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    })
  }

  start()

  return {
    call<N extends OperationName>(name: N, ...args: Parameters<Operations[N]>) {
      if (closing) return Promise.reject(new StoreUnavailable('the store is closed'))
      // The thread implements Operations, so the answer to N is N's.
      return ask(name, args) as Promise<ReturnType<Operations[N]>>
    },
    async close() {
      if (closing) return ended
      closing = true
      cancelRestart()
      if (!worker) return
      let cancel = () => {}
      const late = new Promise<void>((resolve) => (cancel = deps.clock.after(CLOSE_WAIT_MS, resolve)))
      ask('close', []).catch(() => undefined)
      await Promise.race([ended, late])
      cancel()
      // Not awaited: a thread that sits in a call of a dead disk does not even end.
      void worker?.terminate()
    },
  }
}
