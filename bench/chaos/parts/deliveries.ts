// What arrived at an instance: lines in a file, which a SIGKILL of the instance cannot take along.
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { monotonicMs } from './monotonic.js'

export interface Delivery {
  readonly id: string
  /** As sent; `GET` or `POST`. */
  readonly method: string
  /** Monotonic, when the whole request had been read. */
  readonly atMs: number
  /** It did not arrive as it was sent. */
  readonly mangled: boolean
}

export interface DeliveryLog {
  note(id: string, method: string, mangled: boolean): void
  close(): void
}

/** Adds to what an earlier process of the same instance wrote. */
export function openDeliveries(file: string): DeliveryLog {
  const descriptor = openSync(file, 'a')
  return {
    note: (id, method, mangled) =>
      void writeSync(descriptor, `${id} ${method} ${monotonicMs().toFixed(3)} ${mangled ? 'mangled' : 'whole'}\n`),
    close: () => closeSync(descriptor),
  }
}

export function readDeliveries(file: string): Delivery[] {
  const lines = readFileSync(file, 'latin1').split('\n').filter(Boolean)
  return lines.map((line) => {
    const [id = '', method = '', at, state] = line.split(' ')
    return { id, method, atMs: Number(at), mangled: state !== 'whole' }
  })
}
