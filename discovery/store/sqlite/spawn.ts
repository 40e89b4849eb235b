// Starting the database thread.
import type { Worker } from 'node:worker_threads'
import { spawnThread as spawn } from '../../../shared/spawn-thread.js'

export type Spawn = (path: string) => Worker

export const spawnThread: Spawn = (path) =>
  spawn(new URL('./thread.js', import.meta.url), { workerData: path, name: 'serverpy-store' })
