// `import` as a shell sees it: what is written where, what is told, and what is never written over.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { importCommand } from '../../../cli/commands/import.js'
import { loadConfig } from '../../../shared/config/load.js'

const HARBR = `listen_addr: '127.0.0.1:\${PORT}'
global_timeout_ms: 1000
max_connections: 10
routes:
  /a:
    upstream: 'http://\${HOST}'
    preserve_host_header: true
`

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'serverpy-import-'))
  t.after(() => rm(dir, { recursive: true }))
  return dir
}

async function run(...args: string[]) {
  let out = ''
  const err: string[] = []
  let code = 0
  const terminal = {
    env: { PORT: '8001', HOST: 'the-host' },
    out: (text: string) => void (out += text),
    err: (line: string) => void err.push(line),
    exitWith: (n: number) => void (code = n),
    colours: false,
  }
  await importCommand(terminal).parseAsync(args, { from: 'user' })
  return { out, err, code }
}

test('a config goes to stdout, what has no counterpart to stderr, and variables stay what they are', async (t) => {
  const file = join(await folder(t), 'c.yml')
  await writeFile(file, HARBR)
  const { out, err, code } = await run(file)
  assert.equal(code, 0)
  assert.match(out, /^# Made from c\.yml, a config of harbr-router\./)
  assert.match(out, /port: \$\{PORT\}/)
  assert.ok(out.includes('http://${HOST}') && !out.includes('the-host'))
  assert.deepEqual(
    err.map((line) => line.replaceAll(file, 'c.yml').split('  ')[0]),
    ['c.yml:1:1', 'c.yml:2:1', 'c.yml:3:1', 'c.yml:7:5', 'c.yml: 4 without a counterpart'],
  )
})

test('with -o it goes to a file, which is right as it is, and is not written over without --force', async (t) => {
  const dir = await folder(t)
  const file = join(dir, 'c.yml')
  const output = join(dir, 'services.yaml')
  await writeFile(file, HARBR.replace('${PORT}', '80'))
  const first = await run(file, '-o', output)
  assert.deepEqual([first.code, first.out], [0, ''])
  assert.match(first.err.at(-1) ?? '', /4 without a counterpart; written to .*services\.yaml$/)
  const loaded = await loadConfig(output, { HOST: 'h' })
  assert.ok(loaded.ok)
  assert.equal(loaded.config.processor.port, 80)
  await writeFile(output, 'mine')
  const second = await run(file, '-o', output)
  assert.equal(second.code, 2)
  assert.match(second.err[0] ?? '', /services\.yaml: there is such a file already \(--force writes over it\)$/)
  assert.equal(await readFile(output, 'utf8'), 'mine')
  assert.equal((await run(file, '-o', output, '--force')).code, 0)
  assert.match(await readFile(output, 'utf8'), /^# Made from/)
})

test('what cannot be read, is faulty, is no other config or has no place to go writes nothing', async (t) => {
  const dir = await folder(t)
  const file = join(dir, 'c.yml')
  const output = join(dir, 'services.yaml')
  const told = async (text: string, ...args: string[]) => {
    await writeFile(file, text)
    const { out, err, code } = await run(file, ...args)
    assert.deepEqual([out, code], ['', 2])
    return err.join('\n').replaceAll(dir, '')
  }
  assert.match(
    await told(HARBR.replace('upstream', 'upstraem')),
    /^\/c\.yml:5:3 {2}routes\["\/a"\] {2}"upstream" is required/,
  )
  assert.match(await told(HARBR.replace('http:', 'ftp:')), /^\/c\.yml:6:15 .*a scheme other than http and https/)
  assert.match(await told('listen_addr: ['), /^\/c\.yml:1:15/)
  assert.match(await told('a: { servers: [h], polling: { method: ping }, apis: [/a] }'), /a config of serverpy already/)
  assert.match(
    await told(HARBR.replace('1000', '${PORT}')),
    /^\/c\.yml:2:20 .*must be a number {2}\(a variable cannot stand here/,
  )
  assert.match(await told(HARBR, '-o', join(dir, 'x.json')), /x\.json: not a \.yaml or \.yml file/)
  assert.match(await told(HARBR, '-o', file), /this is the file that is read/)
  assert.match((await run(join(dir, 'gone.hcl'))).err[0] ?? '', /there is no such file$/)
  assert.match((await run(join(dir, 'gone.toml'))).err[0] ?? '', /\(convert it to YAML or JSON first\)$/)
  await writeFile(file, HARBR.replace('${PORT}', '80'))
  const nowhere = await run(file, '-o', join(dir, 'no', 'such', 'folder.yaml'))
  assert.equal(nowhere.code, 1)
  assert.match(nowhere.err[0] ?? '', /cannot be written: ENOENT$/)
  await assert.rejects(readFile(output), /ENOENT/)
})
