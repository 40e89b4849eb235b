// Loads one module of a user's pipe beside the process that asks, so that nothing in it can stop or change that.
import { spawnSync } from 'node:child_process'
import { parentPort, workerData } from 'node:worker_threads'
import { checkOptions, importDefinition } from '../processor/pipes/definition.js'
import type { CheckOrder, CheckResult } from './pipe-check.js'

const MOST_CHECK_MS = 5000

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
  const line = lineIn(error instanceof SyntaxError ? syntaxCheck() : (error.stack ?? ''))
  const name = error.name === 'Error' ? '' : `${error.name}: `
  // Node reads a .js file as its package.json says, and `npm init` says "commonjs".
  const isModule = error instanceof SyntaxError && /token 'export'|import statement outside/.test(first)
  const hint = isModule ? '; call it .mjs, or set "type": "module" in its package.json' : ''
  return `${name}${first}${line === undefined ? '' : ` (line ${line} of the module)`}${hint}`
}

/** Node may name the module without a line before that. */
function lineIn(text: string): string | undefined {
  const [, ...behind] = text.split(module)
  return behind.map((rest) => /^:(\d+)/.exec(rest)?.[1]).find((line) => line !== undefined)
}

/** An error of the module's grammar has no place in its stack: Node says it only where it may print it. */
function syntaxCheck(): string {
  return spawnSync(process.execPath, ['--check', module], { encoding: 'utf8', timeout: MOST_CHECK_MS }).stderr
}
