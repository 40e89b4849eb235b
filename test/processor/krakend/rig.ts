// KrakenD configs for tests: each is written to a krakend.json and goes the way of `serverpy -c`, real sockets and all.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../../shared/config/load.js'
import type { Config, Parsed } from '../../../shared/config/model.js'
import { formatProblem } from '../../../shared/config/problem.js'
import { startConfig, type TestGateway } from '../../kit/gateway.js'
import { request, type Answer } from '../../kit/http.js'
import { startOrigin, type Origin, type OriginHandler } from '../../kit/origin.js'
import { freePort } from '../../kit/ports.js'
import type { Cleanup } from '../../kit/process.js'

/** An endpoint as krakend.json has it; backends without `host` are at the origin. */
export type Endpoint = Readonly<Record<string, unknown>>

/** What the origin says to each target: data in JSON, or a whole answer. What is not there is a 404. */
type Backends = Readonly<Record<string, unknown>>

export class Said {
  constructor(
    readonly status: number,
    readonly body: string | Buffer = '',
    readonly fields: Record<string, string> = {},
  ) {}
}

interface Krakend {
  readonly gateway: TestGateway
  readonly port: number
  readonly origin: Origin
  readonly warnings: readonly string[]
  ask(target: string, more?: Asked): Promise<Answer>
}

export interface Asked {
  readonly method?: string
  readonly fields?: Record<string, string>
  readonly body?: string
}

/** Reads a krakend.json with this content as the command does. */
export async function load(t: Cleanup, content: unknown): Promise<Parsed> {
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-krakend-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'krakend.json')
  await writeFile(file, JSON.stringify(content, null, 2))
  return loadConfig(file, {})
}

export async function loaded(t: Cleanup, content: unknown): Promise<{ config: Config; warnings: string[] }> {
  const parsed = await load(t, content)
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(formatProblem).join('\n'))
  return { config: parsed.config, warnings: parsed.warnings.map(formatProblem) }
}

/** Faults without the file's name: `line:col  path  message  (hint)`. */
export async function faults(t: Cleanup, content: unknown): Promise<string[]> {
  const parsed = await load(t, content)
  assert.ok(!parsed.ok, 'it was accepted')
  return parsed.problems.map((problem) => formatProblem({ ...problem, file: '' }).slice(1))
}

export async function startKrakend(
  t: Cleanup,
  endpoints: readonly Endpoint[],
  says: Backends | OriginHandler = {},
  top: Readonly<Record<string, unknown>> = {},
): Promise<Krakend> {
  const origin = await startOrigin(t, typeof says === 'function' ? (says as OriginHandler) : tellerOf(says))
  const port = await freePort()
  const content = { version: 3, port, host: [`http://${origin.address}`], ...top, endpoints }
  const { config, warnings } = await loaded(t, content)
  const one = { ...config, processor: { ...config.processor, workers: 1 } }
  const gateway = await startConfig(t, one)
  return {
    gateway,
    port,
    origin,
    warnings,
    ask: (target, { method = 'GET', ...more } = {}) => request(port, method, target, more),
  }
}

function tellerOf(says: Backends): OriginHandler {
  return (asked) => {
    const found = Object.hasOwn(says, asked.target) ? says[asked.target] : new Said(404, 'nothing here')
    if (found instanceof Said) return asked.answer(found.status, found.body, found.fields)
    if (typeof found === 'function') return (found as OriginHandler)(asked)
    return asked.answer(200, JSON.stringify(found), { 'Content-Type': 'application/json' })
  }
}

/** One request to a gateway of its own, and what must come of it. */
export interface Row {
  /** A sentence. */
  readonly name: string
  readonly endpoint: Endpoint
  readonly says?: Backends | OriginHandler
  readonly top?: Readonly<Record<string, unknown>>
  /** The endpoint's own path where it is not said. */
  readonly target?: string
  readonly asked?: Asked
  readonly status: number
  /** The whole of it, byte for byte. */
  readonly body?: string
  /** Undefined in place of a value: the field must not be there. */
  readonly fields?: Readonly<Record<string, string | undefined>>
  /** Targets that the origin was asked for, in order. */
  readonly targets?: readonly string[]
}

/** A test for each row. */
export function rows(all: readonly Row[]): void {
  for (const row of all) {
    test(row.name, async (t) => {
      const krakend = await startKrakend(t, [row.endpoint], row.says, row.top)
      const answer = await krakend.ask(row.target ?? String(row.endpoint['endpoint']), row.asked)
      assert.equal(answer.status, row.status, answer.text())
      if (row.body !== undefined) assert.equal(answer.text(), row.body)
      for (const [name, value] of Object.entries(row.fields ?? {})) assert.equal(answer.field(name), value, name)
      if (row.targets)
        assert.deepEqual(
          krakend.origin.requests.map(({ target }) => target),
          row.targets,
        )
    })
  }
}

export const JSON_TYPE = 'application/json; charset=utf-8'
export const COMPLETED = 'X-Krakend-Completed'
/** Of an answer with all of its parts. */
export const WHOLE = { [COMPLETED]: 'true', 'Content-Type': JSON_TYPE }
/** Of one that lacks a part, or has failed. */
export const PARTIAL = { [COMPLETED]: 'false', 'Cache-Control': undefined }

export const proxy = (options: object): object => ({ proxy: options })
