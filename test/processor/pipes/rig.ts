// Users' pipes for tests: small modules written to a folder of the test's own, and a gateway that runs them.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../../../shared/log.js'
import { startGateway, type TestGateway } from '../../kit/gateway.js'
import { startOrigin, type Origin, type OriginHandler } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'

/** Writes modules (name to source) and returns the path of each. */
export async function writePipes(t: Cleanup, modules: Record<string, string>): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-pipes-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const paths: Record<string, string> = {}
  for (const [name, source] of Object.entries(modules)) {
    paths[name] = join(folder, `${name}.mjs`)
    await writeFile(paths[name], source)
  }
  return paths
}

/** A module whose hooks are `hooks`; `options` and `tools` are there. */
export const pipeOf = (hooks: string, more = ''): string => `
export const seen = (globalThis.serverpySeen ??= [])
export default { ${more} create(options, tools) { return { ${hooks} } } }`

/** What modules of `pipeOf` have pushed to `seen` in this process, since the last call. */
export function takeSeen(): unknown[] {
  const all = (globalThis as { serverpySeen?: unknown[] }).serverpySeen ?? []
  return all.splice(0)
}

export interface Line {
  readonly level: string
  readonly fields: Record<string, unknown>
  readonly message: string
}

export function keepingLog(): { readonly log: Log; readonly lines: Line[] } {
  const lines: Line[] = []
  const logOf = (bound: Record<string, unknown>): Log => {
    const at = (level: string) => (fields: Record<string, unknown>, message: string) =>
      void lines.push({ level, fields: { ...bound, ...fields }, message })
    return { debug: () => undefined, info: at('info'), warn: at('warn'), error: at('error'), child: logOf }
  }
  return { log: logOf({}), lines }
}

/** What the origin of `startPiped` answers: what it was asked, in its body. */
export const telling: OriginHandler = async (req) => {
  const body = await req.body()
  req.answer(200, `${req.method} ${req.target} ${body.toString('latin1')}`, { 'X-Mark': req.field('x-mark') ?? 'none' })
}

export interface Piped {
  readonly gateway: TestGateway
  readonly port: number
  readonly origin: Origin
  readonly lines: Line[]
}

/** A gateway with one service at /, which has these pipes. `sources`: modules; a pipe's `use` may be one's name. */
export async function startPiped(
  t: Cleanup,
  sources: Record<string, string>,
  pipes: readonly ({ readonly use: string } & Record<string, unknown>)[],
  {
    handler = telling,
    others = {},
    more = {},
    processor = {},
  }: {
    handler?: OriginHandler
    others?: Record<string, unknown>
    more?: Record<string, unknown>
    processor?: Record<string, unknown>
  } = {},
): Promise<Piped> {
  const paths = await writePipes(t, sources)
  const origin = await startOrigin(t, handler)
  const { log, lines } = keepingLog()
  const api = {
    ...more,
    servers: [origin.address],
    apis: ['/'],
    pipes: pipes.map((pipe) => ({ name: pipe.use, ...pipe, use: paths[pipe.use] ?? pipe.use })),
  }
  const gateway = await startGateway(t, { services: { api, ...others }, processor }, undefined, { log })
  return { gateway, port: gateway.port, origin, lines }
}
