// `pipe new` and `pipe test` as a shell sees them, and `check` with users' pipes in the config.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { Command, CommanderError } from 'commander'
import { checkCommand } from '../../../cli/commands/check.js'
import { pipeCommand } from '../../../cli/commands/pipe.js'
import { tellWrongUsage } from '../../../cli/usage.js'
import { MAIN } from '../../kit/serverpy.js'

async function folder(t: TestContext): Promise<string> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'serverpy-pipe-')))
  t.after(() => rm(root, { recursive: true }))
  return root
}

async function run(...args: string[]) {
  const result = { out: '', err: '', code: 0 }
  const command = pipeCommand({
    env: {},
    out: (text) => void (result.out += text),
    err: (line) => void (result.err += `${line}\n`),
    exitWith: (code) => void (result.code = code),
    colours: false,
  })
  const program = new Command('serverpy').addCommand(command)
  tellWrongUsage(program)
  const silence = (one: Command): void => {
    one.configureOutput({ writeErr: (text) => void (result.err += text) })
    one.commands.forEach(silence)
  }
  silence(program)
  try {
    await program.parseAsync(['pipe', ...args], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    result.code = 2
  }
  return result
}

test('a new pipe and its test are written, and nothing is ever written over', async (t) => {
  const root = await folder(t)
  const dir = join(root, 'pipes')
  const first = await run('new', 'tenant', '--dir', dir)
  assert.equal(first.code, 0)
  assert.match(first.out, /wrote .*tenant\.mjs\nwrote .*tenant\.test\.mjs\n/)
  assert.match(first.out, /pipes: \[\{ use: \.\/.*tenant\.mjs, header: x-tenant \}\]/)
  assert.deepEqual((await readdir(dir)).sort(), ['tenant.mjs', 'tenant.test.mjs'])
  await writeFile(join(dir, 'tenant.mjs'), 'mine')
  const again = await run('new', 'tenant', '--dir', dir)
  assert.deepEqual([again.code, again.out], [1, ''])
  assert.match(again.err, /tenant\.mjs is there already; nothing was written/)
  assert.equal(await readFile(join(dir, 'tenant.mjs'), 'utf8'), 'mine')
  await rm(join(dir, 'tenant.mjs'))
  assert.equal((await run('new', 'tenant', '--dir', dir)).code, 1)
  assert.deepEqual(await readdir(dir), ['tenant.test.mjs'])
})

test('in a folder of ES modules the files end in .js', async (t) => {
  const root = await folder(t)
  await writeFile(join(root, 'package.json'), '{ "type": "module" }')
  await run('new', 'one', '--dir', join(root, 'deep/er'))
  assert.deepEqual(await readdir(join(root, 'deep/er')), ['one.js', 'one.test.js'])
})

test('a name that is no name of a file is refused', async () => {
  for (const name of ['../x', 'A', '', 'a b']) assert.equal((await run('new', name)).code, 2, name)
})

test('the test of a new pipe passes as it is', async (t) => {
  const root = await folder(t)
  await run('new', 'tenant', '--dir', root)
  const file = join(root, 'tenant.test.mjs')
  const host = pathToFileURL(new URL('../../../cli/pipe-trial.ts', import.meta.url).pathname).href
  await writeFile(file, (await readFile(file, 'utf8')).replace("'serverpy/pipe-test'", JSON.stringify(host)))
  const tsx = import.meta.resolve('tsx')
  // Under the variable that node:test sets for its own children a test would report to us, in its own way.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', tsx, '--test', file], { env })
  assert.match(stdout, /^# pass 3$|ℹ pass 3$/m)
})

const CHANGES = `export default {
  create: (options) => ({
    onRequest(x) {
      if (x.path === '/throw') throw new Error('not this one')
      if (x.path === '/stop') return { status: 403, body: 'no' }
      if (x.path === '/same') return
      x.target = '/v2' + x.target
      x.headers.set('x-tenant', options.tenant)
      x.headers.delete('accept')
    },
    onResponse(x, answer) { if (x.path === '/a') answer.headers.set('x-b', '1') },
  }),
}
`

test('what a pipe changes in recorded requests is shown, and that it threw is the exit code', async (t) => {
  const root = await folder(t)
  const module = join(root, 'p.mjs')
  const requests = join(root, 'r.json')
  await writeFile(module, CHANGES)
  const answer = { status: 200, headers: { 'x-a': '1' }, body: 'hello' }
  const samples = [{ target: '/a', headers: { accept: '*/*' }, answer }, { target: '/stop' }, { target: '/same' }]
  await writeFile(requests, JSON.stringify(samples))
  const fine = await run('test', module, '--requests', requests, '--options', '{"tenant":"acme"}')
  assert.equal(fine.err, '')
  assert.equal(fine.code, 0)
  assert.deepEqual(fine.out.split('\n'), [
    '1  GET /a → 200',
    '   request  ~ target: /v2/a',
    '   request  + x-tenant: acme',
    '   request  - accept',
    '   answer   + x-b: 1',
    '2  GET /stop → 403',
    '   answered by itself: no service was asked',
    '   answer   ~ status: 403',
    '   answer   ~ body: no',
    '   answer   - content-type',
    '3  GET /same → 200',
    '   changed nothing',
    '',
  ])
  await writeFile(requests, JSON.stringify([{ target: '/throw' }]))
  const thrown = await run('test', module, '--requests', requests)
  assert.equal(thrown.code, 1)
  assert.match(thrown.out, /^1 {2}GET \/throw → 500$[^]*^ {3}threw {4}onRequest: Error: not this one$/m)
})

test('the file that the pipe record writes may be given as it is', async (t) => {
  const root = await folder(t)
  const module = join(root, 'p.mjs')
  const requests = join(root, 'r.jsonl')
  await writeFile(
    module,
    `export default { buffer: { request: 99, response: 99 }, create: () => ({
      onRequest(x) { x.headers.set('x-host', x.host); x.headers.set('x-bytes', x.body?.toString('hex') ?? '') },
      onResponse(x, answer) { answer.setBody(answer.body.toString('hex')) },
    }) }`,
  )
  const record = (own: object) => ({
    time: '2030-01-01T00:00:00.000Z',
    id: 'a',
    client: '::1',
    host: 'shop.test',
    ...own,
  })
  const headers = [
    ['Accept', 'text/plain'],
    ['X-Tag', 'a'],
    ['X-Tag', 'b'],
    ['Content-Length', '9000'],
  ]
  const lines = [
    record({
      ...{ method: 'PUT', target: '/a?token=***', status: 201, durationMs: 1 },
      request: { headers, bytes: 2, base64: '//4=' },
      answer: { headers: [['Content-Length', '9000']], bytes: 9000, shortened: true, body: 'hi' },
    }),
    record({ method: 'GET', target: '/b', status: 0, error: 'client-gone', request: { headers: [] } }),
  ]
  const text = lines.map((line) => `${JSON.stringify(line)}\n`)
  await writeFile(requests, `${text.join('')}{"time":"20`)
  const tried = await run('test', module, '--requests', requests)
  assert.deepEqual([tried.err, tried.code], ['', 0])
  assert.deepEqual(tried.out.split('\n'), [
    '1  PUT /a?token=*** → 201',
    '   request  + x-host: shop.test',
    '   request  + x-bytes: fffe',
    '   answer   ~ body: 6869',
    '2  GET /b → 200',
    '   request  + x-host: shop.test',
    '   request  + x-bytes: ',
    '   answer   ~ body: 68656c6c6f',
    '',
  ])
  await writeFile(requests, `${text[0]}{"time":"x","method":"GET"}\n`)
  const broken = await run('test', module, '--requests', requests)
  assert.deepEqual([broken.err, broken.code], [`${requests}:2: no line of the pipe record\n`, 2])
})

test('without a file there are a few requests', async (t) => {
  const root = await folder(t)
  await writeFile(join(root, 'p.mjs'), 'export default { create: () => ({}) }')
  const { out, code } = await run('test', join(root, 'p.mjs'))
  assert.equal(code, 0)
  assert.equal(out.match(/changed nothing/g)?.length, 3)
})

test('what cannot be tried is told in a line, with exit code 2', async (t) => {
  const root = await folder(t)
  const file = async (name: string, text: string) => {
    await writeFile(join(root, name), text)
    return join(root, name)
  }
  const pipe = await file('p.mjs', 'export default { create: () => ({}) }')
  for (const [args, message] of [
    [['./none.mjs'], /there is no file "\.\/none\.mjs"/],
    [[`${pipe.slice(0, -4)}.js`], /did you mean ".*p\.mjs"\?/],
    [[await file('no.mjs', 'export default 5')], /no default export with a function "create"/],
    [
      [await file('db.mjs', 'export default { create() { throw new Error("no database") } }')],
      /^the pipe could not be made: Error: no database\n +at Object\.create [^\n]*db\.mjs[^\n]*\n/,
    ],
    [['rate-limit', '--options', '{"rat":1}'], /"rate" is required/],
    [[pipe, '--options', '[]'], /--options: must be an object/],
    [[pipe, '--options', '{'], /--options: /],
    [[pipe, '--requests', join(root, 'none.json')], /none\.json: there is no such file/],
    [[pipe, '--requests', await file('a.json', '{}')], /must be a list of requests/],
    [[pipe, '--requests', await file('b.json', '[{"target":"x"}]')], /\[0\]: "target" must be text that begins/],
    [
      [pipe, '--requests', await file('e.json', '[{"path":"/"}]')],
      /\[0\]: unknown key "path": there are method, target/,
    ],
    [[pipe, '--requests', await file('c.json', '[{"answer":{"status":99}}]')], /\[0\]: "answer\.status" must be 200/],
    [[pipe, '--requests', await file('d.json', '[{"headers":{"a":1}}]')], /\[0\]: "headers" must be/],
  ] as const) {
    const { err, code } = await run('test', ...args)
    assert.match(err, message)
    assert.equal(code, 2, err)
  }
})

test('wrong usage of the group is told like any other', async () => {
  const { err, code } = await run('nwe')
  assert.equal(code, 2)
  assert.match(err, /unknown command 'nwe'/)
  assert.equal((await run('new', 'a', 'b')).code, 2)
})

test('`check` tells what is wrong with the options of a module, at the line of the pipe', async (t) => {
  const root = await folder(t)
  await mkdir(join(root, 'pipes'))
  await run('new', 'tenant', '--dir', join(root, 'pipes'))
  const file = join(root, 's.yaml')
  const text = (header: string) => `version: 1
services: { a: { servers: [h], polling: { method: tcp }, apis: [/a] } }
processor:
  pipes:
    - { use: ./pipes/tenant.mjs, header: ${header} }
`
  const check = async (header: string) => {
    await writeFile(file, text(header))
    const told = { out: [] as string[], err: [] as string[], code: 0 }
    const deps = {
      env: {},
      out: (line: string) => told.out.push(line),
      err: (line: string) => told.err.push(line),
      exitWith: (code: number) => (told.code = code),
    }
    await checkCommand(deps).parseAsync(['-c', file], { from: 'user' })
    return told
  }
  assert.equal((await check('x-tenant')).code, 0)
  assert.deepEqual(await check('5'), {
    out: [],
    err: [`${file}:5:7  tenant.header  must be the name of a header field`],
    code: 2,
  })
})

test('an ES module in a folder that says otherwise is told what to do', async (t) => {
  const root = await folder(t)
  await writeFile(join(root, 'package.json'), '{ "type": "commonjs" }')
  await writeFile(join(root, 'p.js'), '// A comment.\nexport default { create: () => ({}) }')
  const args = [MAIN, 'pipe', 'test', join(root, 'p.js')]
  const failure = await promisify(execFile)(process.execPath, args).then(
    () => assert.fail('it was taken'),
    ({ code, stderr }: { code: number; stderr: string }) => ({ code, stderr }),
  )
  assert.equal(failure.code, 2)
  assert.match(
    failure.stderr,
    /\(line 2 of the module\); call it \.mjs, or set "type": "module" in its package\.json\n$/,
  )
})

test('whatever a pipe leaves behind, loops in or throws late, trying it comes to an end and tells of it', async (t) => {
  const root = await folder(t)
  const ways = {
    leaving: `setInterval(() => {}, 1000)`,
    looping: `if (x.path === '/') for (;;);`,
    late: `void Promise.reject(new Error('too late'))`,
  }
  const tried = async (name: keyof typeof ways) => {
    const file = join(root, `${name}.mjs`)
    await writeFile(file, `export default { create: () => ({ onRequest(x) { ${ways[name]} } }) }`)
    const args = [MAIN, 'pipe', 'test', file]
    return promisify(execFile)(process.execPath, args, { timeout: 60_000 }).then(
      ({ stdout }) => ({ code: 0, stdout }),
      ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
    )
  }
  const [leaving, looping, late] = await Promise.all([tried('leaving'), tried('looping'), tried('late')])
  assert.deepEqual([leaving.code, looping.code, late.code], [0, 1, 1])
  assert.match(leaving.stdout, /3 {2}GET \/things\/7 → 404\n {3}changed nothing\n$/)
  assert.match(looping.stdout, /1 {2}GET \/ → 500\n[^]* {3}threw {4}a pipe did not come back and was ended\n[^]*\n2 /)
  assert.match(late.stdout, /late {2}threw Error: too late\n {9}at Object.onRequest/)
})
