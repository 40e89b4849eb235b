// Starts a module of ours in a thread, from the compiled package as well as from the sources.
import { Worker, type WorkerOptions } from 'node:worker_threads'

/** `entry`: of the compiled module, as `new URL('./thread.js', import.meta.url)` of the one that starts it. */
export function spawnThread(entry: URL, options: WorkerOptions): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(entry, options)
  // A loader given by `--import` does not reach into worker threads: the thread has to register it itself.
  const source = entry.href.replace(/\.js$/, '.ts')
  const loader = import.meta.resolve('tsx/esm/api')
  const start = `import(${JSON.stringify(loader)}).then((tsx) => {
    tsx.register()
    return import(${JSON.stringify(source)})
  })`
  return new Worker(start, { ...options, eval: true })
}
