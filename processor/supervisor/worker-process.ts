// One worker process as its supervisor sees it.
import { type ChildProcess, fork, type SendHandle } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Report } from '../../shared/metrics/report.js'
import type { WorkerStatus } from '../../shared/processor.js'
import type { BoundPort } from './listen.js'
import type { FromWorker, ToWorker } from './messages.js'

// What a request leaves behind is dead at once: a large space for young objects costs memory (83 MiB in place of 62 under full
// load) and saves nothing.
const HEAP = ['--max-semi-space-size=4']

// A user's pipe that never comes back is ended where it stands. Within a timer that leaves Node's books of asynchronous calls
// with a line too many, and the process would end as soon as Node sees it: other exchanges with it, and no word of the pipe.
const ENDING = ['--no-force-async-hooks-checks']

// Built, it is beside this folder as .js; run from source, as .ts.
const MAIN = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../worker.ts' : '../worker.js', import.meta.url))

export interface WorkerEvents {
  readonly message: (worker: WorkerProcess, message: FromWorker) => void
  /** `reason`: exit code or signal, for people. */
  readonly exit: (worker: WorkerProcess, reason: string) => void
}

export class WorkerProcess {
  state: WorkerStatus['state'] = 'starting'
  /** It was told to end, and nobody takes its place. */
  retiring = false
  /** Monotonic milliseconds of its last sign of life. */
  heardAt: number
  snapshotSeq = 0
  gauges: Report['gauges'] = { connections: 0, inFlight: 0, upgraded: 0, loopLagMs: 0, rssBytes: 0 }
  /** Epoch milliseconds. */
  readonly startedAt: number
  /** Monotonic milliseconds. */
  readonly bornAt: number
  private readonly child: ChildProcess

  constructor(
    readonly name: string,
    start: Extract<ToWorker, { kind: 'start' }>,
    /** The processor's own comes first. */
    ports: readonly BoundPort[],
    now: { readonly monotonic: number; readonly wall: number },
    events: WorkerEvents,
  ) {
    this.heardAt = this.bornAt = now.monotonic
    this.startedAt = now.wall
    this.child = fork(MAIN, [], {
      serialization: 'json',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [...process.execArgv, ...HEAP, ...ENDING],
    })
    this.child.on('message', (message) => events.message(this, message as FromWorker))
    let ended = false
    const end = (reason: string): void => {
      if (ended) return
      ended = true
      this.state = 'gone'
      events.exit(this, reason)
    }
    this.child.on('exit', (code, signal) => end(signal ?? `exit code ${code}`))
    this.child.on('error', (error) => {
      if (this.child.pid === undefined) end(error.message)
    })
    for (const port of ports) {
      if (port.name === '') this.hand(start, port)
      else this.give(port)
    }
  }

  /** It is to listen there, too. */
  give(port: BoundPort): void {
    this.hand({ kind: 'listener', name: port.name }, port)
  }

  private hand(message: ToWorker, { handle }: BoundPort): void {
    // The types know no bare handle; Node passes one on as it passes a server on.
    this.send(message, handle as unknown as SendHandle)
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  /** Calls `sent` when the message has left this process, or cannot. */
  send(message: ToWorker, handle?: SendHandle, sent: () => void = () => undefined): void {
    // A worker that dies meanwhile reports itself by its exit.
    if (this.child.connected) this.child.send(message, handle, () => sent())
    else sent()
  }

  /** Takes no new connection, and lets its clients go one by one. */
  retire(): void {
    this.retiring = true
    this.state = 'draining'
    this.send({ kind: 'drain', gentle: true })
  }

  /** The whole processor ends: connections that wait for nothing end at once. */
  drain(): void {
    if (this.state === 'serving') this.state = 'draining'
    this.send({ kind: 'drain', gentle: false })
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }

  status(): WorkerStatus {
    const { name, pid, state, startedAt, gauges, snapshotSeq } = this
    return { name, pid, state, startedAt, ...gauges, snapshotSeq }
  }
}
