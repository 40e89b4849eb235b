// Lines to a real file and a real pipe: whole, in order, bounded, and never a reason to wait.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createLineWriter } from '../../processor/line-writer.js'
import { startProcess } from '../kit/process.js'
import { waitFor, within } from '../kit/wait.js'

const WRITER = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'processor', 'line-writer.ts')

async function openFile(t: TestContext): Promise<{ fd: number; text(): string }> {
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-'))
  const file = join(folder, 'lines')
  const fd = openSync(file, 'a')
  t.after(async () => {
    closeSync(fd)
    await rm(folder, { recursive: true })
  })
  return { fd, text: () => readFileSync(file, 'utf8') }
}

/** A module that writes lines to its stdout with the product's writer. */
const script = (body: string) => `import { createLineWriter } from '${WRITER}'\n${body}`
const node = (body: string) => ['--import', 'tsx', '--input-type=module', '-e', script(body)]

test('lines are in the file in their order when the writer has closed', async (t) => {
  const { fd, text } = await openFile(t)
  const out = createLineWriter(fd)
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i} ${'x'.repeat(i % 300)}\n`)
  for (const line of lines) out.write(line)
  await out.close()
  assert.equal(text(), lines.join(''))
  assert.equal(out.dropped, 0)
})

test('a single line is written without further ones, in its time or at once', async (t) => {
  const { fd, text } = await openFile(t)
  const out = createLineWriter(fd, { everyMs: 20 })
  out.write('one\n')
  await waitFor(() => text() === 'one\n')
  const slow = createLineWriter(fd, { everyMs: 60_000 })
  slow.write('two\n')
  slow.flush()
  await waitFor(() => text() === 'one\ntwo\n')
})

test('lines of two processes on one pipe do not mix', { timeout: 30_000 }, async (t) => {
  const body = (mark: string) =>
    `const out = createLineWriter(1, { mostBytes: 1e9 })
     let i = 0
     const more = () => {
       for (let n = 0; n < 50; n++) out.write('${mark}'.repeat(10 + (i++ % 200)) + '\\n')
       if (i < 20000) setImmediate(more); else void out.close()
     }
     more()`
  // The shell's two children have one pipe for their output.
  const quoted = (mark: string) =>
    [process.execPath, ...node(body(mark))].map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`)
  const both = await startProcess('sh', ['-c', `${quoted('a').join(' ')} & ${quoted('b').join(' ')}; wait`], { t })
  await within(both.exited, 25_000, 'both writers')
  const lines = both.stdout().split('\n').slice(0, -1)
  assert.equal(lines.length, 40_000, both.stderr())
  assert.deepEqual(
    lines.filter((line) => !/^(a+|b+)$/.test(line)),
    [],
  )
})

test(
  'what a stuck reader does not take is dropped and counted, and does not hold up the end',
  { timeout: 30_000 },
  async (t) => {
    const body = `const out = createLineWriter(1)
    for (let i = 0; i < 20000; i++) out.write('x'.repeat(199) + '\\n')
    console.error('dropped ' + out.dropped)
    await out.close()
    process.exit(0)`
    const child = spawn(process.execPath, node(body), { stdio: ['ignore', 'pipe', 'pipe'] })
    t.after(() => child.kill('SIGKILL'))
    child.stdout.pause()
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    const code = await within(new Promise((resolve) => child.once('exit', resolve)), 20_000, 'its end')
    assert.equal(code, 0, said)
    const dropped = Number(/dropped (\d+)/.exec(said)?.[1])
    // One MiB waits, of lines of 200 bytes.
    assert.ok(dropped > 14_000 && dropped < 20_000, said)
  },
)

test('a descriptor that nobody reads any more costs the lines and nothing else', async (t) => {
  const { fd } = await openFile(t)
  const readOnly = openSync('/dev/null', 'r')
  t.after(() => closeSync(readOnly))
  const out = createLineWriter(readOnly)
  out.write('lost\n')
  await out.close()
  out.write('late\n')
  assert.equal(out.dropped, 2)
  assert.ok(fd > 0)
})
