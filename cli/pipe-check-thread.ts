// Loads one module of a user's pipe beside the process that asks, so that nothing in it can stop or change that.
import { parentPort, workerData } from 'node:worker_threads'
import { checkOptions, importDefinition } from '../processor/pipes/definition.js'
import type { CheckOrder, CheckResult } from './pipe-check.js'

const { module, options } = workerData as CheckOrder
parentPort?.postMessage(await judge())

async function judge(): Promise<CheckResult> {
  try {
    const definition = await importDefinition(module)
    const faults = await Promise.all(
      options.map(async (given) => {
        const checked = await checkOptions(definition, given)
        return 'faults' in checked ? checked.faults : []
      }),
    )
    return { ok: true, faults }
  } catch (error) {
    return { ok: false, message: told(error) }
  }
}

/** What was thrown, and where in the module. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const [first = ''] = error.message.split('\n', 1)
  const [, line] = error.stack?.split(module, 2)[1]?.match(/^:(\d+)/) ?? []
  const name = error.name === 'Error' ? '' : `${error.name}: `
  return `${name}${first}${line === undefined ? '' : ` (line ${line} of the module)`}`
}
