// A part of a run in a process of its own: it can be stopped and killed, and what it costs is not the gateway's.
import { fork } from 'node:child_process'
import type { Cleanup } from '../../../test/kit/process.js'

type Arguments<F> = F extends (...args: infer A) => unknown ? A : never
type Result<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never

export interface Part<Calls> {
  readonly pid: number
  /** Calls a function of the part and resolves with what it returns. */
  ask<Name extends keyof Calls & string>(name: Name, ...args: Arguments<Calls[Name]>): Promise<Result<Calls[Name]>>
  kill(signal: NodeJS.Signals): void
}

interface Question {
  readonly id: number
  readonly name: string
  readonly args: readonly unknown[]
}

interface Reply {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

/** Starts a part; it is killed with the run, also when it is stopped. */
export function startPart<Calls>(t: Cleanup, file: string): Part<Calls> {
  const execArgv = ['--import', import.meta.resolve('tsx')]
  // JSON would make null of an Infinity.
  const child = fork(file, [], { execArgv, serialization: 'advanced' })
  const waiting = new Map<number, (reply: Reply) => void>()
  let questions = 0
  child.on('message', (reply: Reply) => waiting.get(reply.id)?.(reply))
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  void exited.then(() => {
    for (const [id, take] of waiting) take({ id, error: 'the part has ended' })
  })
  t.after(() => {
    child.kill('SIGKILL')
    return exited
  })
  return {
    get pid() {
      return child.pid ?? 0
    },
    ask: (name, ...args) =>
      new Promise((resolve, reject) => {
        const id = ++questions
        waiting.set(id, ({ result, error }) => {
          waiting.delete(id)
          if (error === undefined) resolve(result as Result<Calls[typeof name]>)
          else reject(new Error(`${file}, ${name}: ${error}`))
        })
        child.send({ id, name, args } satisfies Question)
      }),
    kill: (signal) => void child.kill(signal),
  }
}

/** In the part: answers what the run asks, and ends with it. */
export function answerCalls(calls: Record<string, (...args: never[]) => unknown>): void {
  async function answer({ id, name, args }: Question): Promise<void> {
    try {
      const result = await calls[name]?.(...(args as never[]))
      process.send?.({ id, result } satisfies Reply)
    } catch (error) {
      process.send?.({ id, error: (error as Error).stack ?? String(error) } satisfies Reply)
    }
  }
  process.on('message', (question: Question) => void answer(question))
  process.on('disconnect', () => process.exit(0))
}
