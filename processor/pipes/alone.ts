// Runs users' code in a turn of the event loop with nothing else in it: ended there, it takes nothing along that others wait for.
import { MessageChannel } from 'node:worker_threads'
import { mayEnd } from './running.js'

export function alone(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.once('message', () => {
      port1.close()
      resolve()
    })
    port2.postMessage(undefined)
  })
}

/** `run` ends something of a pipe's that nobody waits for: now, or where it might not come back, when it harms nobody. */
export function putOff(run: () => void): void {
  // What it throws is told as all that pipes throw outside of any hook.
  if (mayEnd()) void alone().then(run)
  else run()
}
