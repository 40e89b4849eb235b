// The gateway's one worker, as the system and its own gauges show it.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Serverpy } from '../../test/kit/serverpy.js'
import { waitFor } from '../../test/kit/wait.js'
import { type Check, exactly } from './check.js'

interface Workers {
  readonly processor: { readonly replaced: number }
  readonly items: readonly { readonly pid: number; readonly connections: number; readonly in_flight: number }[]
}

interface Gauges {
  readonly connections: number
  readonly inFlight: number
}

export interface WorkerWatch {
  readonly pid: number
  rssBytes(): number
  /** File descriptors that are sockets. */
  sockets(): number
  gauges(): Promise<Gauges>
  /** Waits until no client is connected and nothing is in flight, and says what is left if that does not come. */
  settled(timeoutMs: number): Promise<Gauges>
  /** Notes the memory now and then until told to stop; resolves with the most and what it had at the end. */
  memory(everyMs?: number): { stop(): { mostBytes: number; samples: readonly number[] } }
  /** That it is still the process that it was and has said nothing about a failure. */
  soundness(): Promise<Check>
}

const FAULTS = /"level":"(error|fatal)"|uncaught|unhandled|gets replaced|worker hangs/i

export async function watchWorker(gateway: Serverpy): Promise<WorkerWatch> {
  const workers = () => gateway.ask<Workers>('/api/v1/workers')
  const { items } = await workers()
  const [first] = items
  if (items.length !== 1 || first === undefined) throw new Error(`one worker was expected, not ${items.length}`)
  const { pid } = first

  const rssBytes = (): number => {
    const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    return Number(kilobytes) * 1024
  }
  const gauges = async (): Promise<Gauges> => {
    const [worker] = (await workers()).items
    return { connections: worker?.connections ?? -1, inFlight: worker?.in_flight ?? -1 }
  }
  return {
    pid,
    rssBytes,
    sockets: () => readdirSync(`/proc/${pid}/fd`).filter((fd) => isSocket(`/proc/${pid}/fd/${fd}`)).length,
    gauges,
    async settled(timeoutMs) {
      try {
        const empty = ({ connections, inFlight }: Gauges) => connections === 0 && inFlight === 0
        await waitFor(async () => empty(await gauges()), { timeoutMs, intervalMs: 50 })
      } catch {
        // What did not settle shows in what is returned.
      }
      return gauges()
    },
    memory(everyMs = 100) {
      const samples = [rssBytes()]
      const timer = setInterval(() => samples.push(rssBytes()), everyMs)
      return {
        stop() {
          clearInterval(timer)
          samples.push(rssBytes())
          return { mostBytes: Math.max(...samples), samples }
        },
      }
    },
    async soundness() {
      const { processor, items } = await workers()
      const faults = gateway
        .output()
        .split('\n')
        .filter((line) => FAULTS.test(line))
      if (processor.replaced > 0 || items[0]?.pid !== pid) faults.push('the worker was replaced')
      return exactly('the worker lives, no error is logged', faults[0] ?? 'so it is', 'so it is')
    },
  }
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:')
  } catch {
    return false // Closed meanwhile.
  }
}
