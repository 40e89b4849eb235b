// The log of a real process: what its lines look like in a pipe, and what becomes of them where nobody reads.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runProcess } from '../kit/process.js'
import { within } from '../kit/wait.js'

const LOG = fileURLToPath(new URL('../../cli/log.ts', import.meta.url))

/** A module that logs to its stdout as the product does. */
const node = (body: string) => [
  '--import',
  'tsx',
  '--input-type=module',
  '-e',
  `import { createLog } from '${LOG}'\nconst { log, close } = createLog('info', false)\n${body}`,
]
const parsed = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { msg: string; lines?: number; path?: string })

test('every line is in the pipe when the log has closed, in ASCII that reads back as it came', async () => {
  const odd = 'ü😀\u2028"\\\n'
  const body = `for (let i = 0; i < 500; i++) log.info({ path: ${JSON.stringify(odd)} }, 'line ' + i)
    await close()
    process.exit(0)`
  const { code, stdout, stderr } = await runProcess(process.execPath, node(body))
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^[\n -~]+$/)
  assert.deepEqual(
    parsed(stdout).map(({ msg, path }) => [msg, path]),
    Array.from({ length: 500 }, (_, i) => [`line ${i}`, odd]),
  )
})

test('a log that nobody reads does not hold up its process, and tells later how many lines are lost', async (t) => {
  const body = `const long = 'x'.repeat(1000)
    for (let i = 0; i < 3000; i++) log.info({ long }, 'early')
    process.stderr.write('on')
    process.stdin.once('data', async () => {
      log.info({}, 'late')
      await close()
      process.exit(0)
    })`
  const child = spawn(process.execPath, node(body), { stdio: ['pipe', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  const exited = new Promise((resolve) => child.once('close', resolve))
  await within(new Promise((resolve) => child.stderr.once('data', resolve)), 20_000, 'the end of the lines')
  let text = ''
  const read = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
      // All but little of what waited has come, so that there is room again.
      if (text.length > 1_000_000) resolve()
    })
  })
  await within(read, 10_000, 'the lines that waited')
  child.stdin.end('go')
  assert.equal(await within(exited, 10_000, 'its end'), 0)
  const lines = parsed(text)
  const early = lines.filter(({ msg }) => msg === 'early').length
  const lost = lines.reduce((sum, { lines = 0 }) => sum + lines, 0)
  assert.ok(early > 900 && early < 3000)
  assert.equal(early + lost, 3000)
  assert.ok(lines.some(({ msg }) => msg === 'late'))
})
