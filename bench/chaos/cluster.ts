// The instances behind the proxies: always the same ports, and processes that faults may kill, stop and replace.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Cleanup } from '../../test/kit/process.js'
import { type Part, startPart } from '../endurance/parts/calls.js'
import { type Delivery, readDeliveries } from './parts/deliveries.js'
import type { Condition, InstanceCalls } from './parts/instance.js'
import { monotonicMs } from './parts/monotonic.js'
import { lastingPort } from './ports.js'

const INSTANCE = fileURLToPath(new URL('./parts/instance.ts', import.meta.url))

export interface Member {
  readonly port: number
  /** When it was broken first and repaired last in this trial, monotonic; undefined: it was not. */
  readonly brokenAtMs: number | undefined
  readonly repairedAtMs: number | undefined
  /** Answers in this way from now on. */
  become(condition: Condition): Promise<void>
  /** SIGKILL. */
  crash(): void
  /** SIGTERM; resolves when it has finished what it had begun. */
  leave(): Promise<void>
  /** A new process in place of the one that is gone. */
  restart(): Promise<void>
  /** SIGSTOP and SIGCONT. */
  stop(): void
  goOn(): void
  deliveries(): Delivery[]
}

export interface Cluster {
  readonly members: readonly Member[]
  /** Makes all of them well again, with their deliveries in files of this folder and `spares` processes at hand. */
  renew(folder: string, spares: number): Promise<void>
}

export interface ClusterPlan {
  readonly size: number
  readonly serviceMs: number
}

export async function createCluster(t: Cleanup, { size, serviceMs }: ClusterPlan): Promise<Cluster> {
  const spares: Part<InstanceCalls>[] = []
  const fresh = (): Part<InstanceCalls> => startPart<InstanceCalls>(t, INSTANCE)

  function createMember(port: number): OwnMember {
    let process: Part<InstanceCalls> | undefined
    let file = ''
    let well = false
    let brokenAtMs: number | undefined
    let repairedAtMs: number | undefined
    const broken = (): void => {
      well = false
      brokenAtMs ??= monotonicMs()
    }
    const repaired = (): void => {
      well = true
      repairedAtMs = monotonicMs()
    }
    const running = (): Part<InstanceCalls> => {
      if (process === undefined) throw new Error(`the instance at port ${port} is not running`)
      return process
    }
    const member: OwnMember = {
      port,
      get brokenAtMs() {
        return brokenAtMs
      },
      get repairedAtMs() {
        return repairedAtMs
      },
      async become(condition) {
        const isWell = condition.mode === 'well' && condition.polls === undefined
        if (!isWell) broken()
        await running().ask('become', condition)
        if (isWell) repaired()
      },
      crash() {
        broken()
        running().kill('SIGKILL')
        process = undefined
      },
      async leave() {
        broken()
        const left = running().ask('left')
        running().kill('SIGTERM')
        await left
        running().kill('SIGKILL')
        process = undefined
      },
      async restart() {
        const next = spares.pop() ?? fresh()
        await next.ask('serve', { port, deliveries: file, serviceMs })
        process = next
        repaired()
      },
      stop() {
        broken()
        running().kill('SIGSTOP')
      },
      goOn() {
        running().kill('SIGCONT')
        repaired()
      },
      deliveries: () => readDeliveries(file),
      async renew(folder) {
        file = join(folder, `deliveries-${port}`)
        if (process === undefined) await member.restart()
        else {
          if (!well) member.goOn()
          await process.ask('become', { mode: 'well' })
          await process.ask('note', file)
        }
        brokenAtMs = repairedAtMs = undefined
      },
    }
    return member
  }

  const members: OwnMember[] = []
  for (let i = 0; i < size; i++) members.push(createMember(await lastingPort()))
  return {
    members,
    async renew(folder, count) {
      await Promise.all(members.map((member) => member.renew(folder)))
      while (spares.length < count) spares.push(fresh())
    },
  }
}

interface OwnMember extends Member {
  renew(folder: string): Promise<void>
}
