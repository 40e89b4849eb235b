// Runs an example as its file has it: only the ports of the sample instances become those of origins of the test.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseConfig } from '../../shared/config/parse.js'
import { formatProblem } from '../../shared/config/problem.js'
import { startConfig, type TestGateway } from '../kit/gateway.js'
import { request, type Answer } from '../kit/http.js'
import { startOrigin, type Origin, type OriginRequest } from '../kit/origin.js'
import { freePort } from '../kit/ports.js'
import type { Cleanup } from '../kit/process.js'
import { ROOT } from '../structure/sources.js'

/** Ports of sample instances: three digits behind a 9, as in `services.example.json`. */
const INSTANCE = /(?<=127\.0\.0\.1:)9[123]0\d\b/g

export interface Example {
  readonly gateway: TestGateway
  /** The instance that the example calls 127.0.0.1:`of`. */
  origin(of: number): Origin
  ask(method: string, target: string, fields?: Record<string, string>, body?: string): Promise<Answer>
  /** Which instance answers, by its port in the example. */
  who(target: string): Promise<number>
}

/** What an instance does with a request; `of` is its port in the example. */
type Answering = (asked: OriginRequest, of: number) => unknown

/** Answers as a sample instance does: who it is and what it was asked. */
export function echo(asked: OriginRequest, of: number): void {
  asked.answer(200, JSON.stringify({ instance: of, method: asked.method, path: asked.target }), {
    'Content-Type': 'application/json',
  })
}

/** `file`: relative to the root. The config must have neither faults nor warnings. */
export async function startExample(t: Cleanup, file: string, answering: Answering = echo): Promise<Example> {
  const path = join(ROOT, file)
  const written = await readFile(path, 'utf8')
  const origins = new Map<number, Origin>()
  for (const [found] of written.matchAll(INSTANCE)) {
    const of = Number(found)
    if (!origins.has(of)) origins.set(of, await startOrigin(t, (asked) => answering(asked, of)))
  }
  const origin = (of: number): Origin => {
    const found = origins.get(of)
    assert.ok(found, `${file} has no instance at port ${of}`)
    return found
  }
  const parsed = parseConfig(
    written.replace(INSTANCE, (found) => String(origin(Number(found)).port)),
    path,
    {},
  )
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(formatProblem).join('\n'))
  assert.deepEqual(parsed.warnings.map(formatProblem), [])
  const { config } = parsed
  const port = await freePort()
  const gateway = await startConfig(t, { ...config, processor: { ...config.processor, port, workers: 1 } })
  const ask: Example['ask'] = (method, target, fields = {}, body) =>
    request(gateway.port, method, target, { fields, ...(body !== undefined && { body }) })
  return {
    gateway,
    origin,
    ask,
    who: async (target) => ((await ask('GET', target)).json() as { instance: number }).instance,
  }
}
