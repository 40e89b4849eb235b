// A pipe in TypeScript sees the types of the package, however its author's compiler looks for them.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import ts from 'typescript'
import { ROOT } from '../structure/sources.js'

const PIPE = `
import { createReadStream } from 'node:fs'
import { definePipe, type PipeExchange, type Reply } from 'serverpy/pipe'
import { z } from 'zod'

const refused = (x: PipeExchange): Reply => ({ status: 403, error: 'forbidden', headers: { vary: ['a', 'b'] }, body: x.path })

export default definePipe({
  options: z.object({ header: z.string().default('x-tenant'), strict: z.boolean().optional() }),
  buffer: ({ strict }) => (strict === true ? { request: 65_536 } : {}),
  create({ header }, tools) {
    const seen = new Map<string, number>()
    return {
      async onRequest(x) {
        x.headers.set(header, x.param('tenant') ?? x.host)
        seen.set(x.address, tools.now())
        if (x.query('blocked') !== undefined) return refused(x)
        const { answer } = x.call({
          ...{ service: 'users', method: 'POST', target: '/me', fields: '', timeoutMs: 500, mostBytes: 10_000 },
          body: JSON.stringify({ who: x.state.get('jwt.claims') }),
        })
        const { status, body } = await answer
        if (status === 404) return { status, body: new Uint8Array(3) }
        if (status === 410) return { status, body: createReadStream('gone.html') }
        x.setBody(new TextEncoder().encode(body.toString()))
      },
      onResponse(x, answer) {
        if (answer.from === 'instance') answer.headers.delete('server')
        answer.status = 202
      },
      onError: (x, error) => (error.code === 'no-instance' ? { status: 503 } : undefined),
      onDone(x, { status, durationMs }) { tools.log.info({ status, durationMs }, x.id) },
      gauges: () => ({ seen: seen.size }),
    }
  },
})
`

const TRIAL = `
import { tryPipe, type Trial } from 'serverpy/pipe-test'
const trials: Trial[] = await tryPipe(new URL('./pipe.js', import.meta.url), { options: { header: 'a' }, requests: [{ target: '/a' }] })
export const tenant: string | undefined = trials[0]?.request?.headers['x-tenant']
`

const WRONG = `
import { definePipe } from 'serverpy/pipe'
export default definePipe<{ header: string }>({ create: ({ heade }) => ({ onRequest: (x) => ({ staus: 200 }) }) })
`

function faults(files: string[], module: ts.ModuleKind, moduleResolution: ts.ModuleResolutionKind): string[] {
  const program = ts.createProgram(files, {
    strict: true,
    noEmit: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    types: ['node'],
    target: ts.ScriptTarget.ES2022,
    module,
    moduleResolution,
  })
  // Theirs and ours; types of others are only read.
  const own = program.getSourceFiles().filter(({ fileName }) => !fileName.includes('/node_modules/'))
  assert.ok(own.some(({ fileName }) => fileName.endsWith('/dist/processor/pipes/pipe.d.ts')))
  return own
    .flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}

test('a pipe and its test in TypeScript compile with strict options, and mistakes in them do not', async (t) => {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'serverpy-types-')))
  t.after(() => rm(root, { recursive: true }))
  await mkdir(join(root, 'node_modules'))
  await symlink(ROOT, join(root, 'node_modules', 'serverpy'))
  for (const name of ['@types', 'zod'])
    await symlink(join(ROOT, 'node_modules', name), join(root, 'node_modules', name))
  await writeFile(join(root, 'package.json'), '{ "type": "module" }')
  const [pipe = '', trial = '', wrong = ''] = await Promise.all(
    Object.entries({ 'pipe.ts': PIPE, 'trial.ts': TRIAL, 'wrong.ts': WRONG }).map(async ([name, text]) => {
      await writeFile(join(root, name), text)
      return join(root, name)
    }),
  )
  const { ModuleKind: kind, ModuleResolutionKind: resolution } = ts
  assert.deepEqual(faults([pipe, trial], kind.NodeNext, resolution.NodeNext), [])
  assert.deepEqual(faults([pipe, trial], kind.ESNext, resolution.Bundler), [])
  const [misspelt, noReply] = faults([wrong], kind.Node16, resolution.Node16)
  assert.match(misspelt ?? '', /'heade' does not exist on type '\{ header: string; \}'/)
  assert.match(noReply ?? '', /not assignable to type/)
})
