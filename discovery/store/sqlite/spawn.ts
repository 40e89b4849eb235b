// Starting the database thread, from the compiled package as well as from the sources.
import { Worker } from 'node:worker_threads'

export type Spawn = (path: string) => Worker

export const spawnThread: Spawn = (path) => {
  const options = { workerData: path, name: 'serverpy-store' }
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./thread.js', import.meta.url), options)
  // A loader given by `--import` does not reach into worker threads: the thread has to register it itself.
  const entry = new URL('./thread.ts', import.meta.url).href
  const loader = import.meta.resolve('tsx/esm/api')
  const start = `import(${JSON.stringify(loader)}).then((tsx) => {
    tsx.register()
    return import(${JSON.stringify(entry)})
  })`
  return new Worker(start, { ...options, eval: true })
}
