// `npm test`: the static checks and every test file, with an exit code that tells the truth. `npm test -- PATH…` runs only the tests there.
import { spawn } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Far above what they take: what hangs must end as a failure and not as a silent machine. */
const FILE_LIMIT_MS = 5 * 60_000
const STEP_LIMIT_MS = 15 * 60_000

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const wanted = process.argv.slice(2)
const files = (wanted.length > 0 ? wanted : ['test']).flatMap(testFiles).sort()
if (files.length === 0) {
  console.error(`no test files in ${wanted.join(', ') || 'test'}`)
  process.exit(2)
}

const bin = (name) => [process.execPath, [join('node_modules', ...name.split('/'))]]
const checks = [
  { name: 'types', command: bin('typescript/bin/tsc'), args: ['-p', '.'] },
  { name: 'lint', command: bin('eslint/bin/eslint.js'), args: ['.', '--max-warnings', '0'] },
  { name: 'format', command: bin('prettier/bin/prettier.cjs'), args: ['--check', '--log-level', 'warn', '.'] },
  { name: 'unused code', command: bin('knip/bin/knip.js'), args: [] },
]
const tests = {
  name: `tests (${files.length} files)`,
  command: [process.execPath, ['--import', 'tsx', '--test', '--test-reporter', 'spec']],
  // One more than there are cores: much of the time a test waits.
  args: [`--test-concurrency=${availableParallelism() + 1}`, `--test-timeout=${FILE_LIMIT_MS}`, ...files],
}

const results = []
for (const step of wanted.length > 0 ? [tests] : [...checks, tests]) results.push(await run(step))
console.log('')
for (const { name, passed, seconds } of results) console.log(`${passed ? 'ok    ' : 'FAILED'}  ${name}  ${seconds} s`)
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1

function run({ name, command: [command, first], args }) {
  console.log(`\n== ${name}`)
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const child = spawn(command, [...first, ...args], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
    const limit = setTimeout(() => {
      console.error(`${name}: still running after ${STEP_LIMIT_MS / 60_000} minutes, ended`)
      child.kill('SIGTERM')
    }, STEP_LIMIT_MS)
    const done = (passed) => {
      clearTimeout(limit)
      resolve({ name, passed, seconds: ((performance.now() - startedAt) / 1000).toFixed(1) })
    }
    child.once('error', (error) => {
      console.error(`${name}: ${error.message}`)
      done(false)
    })
    child.once('exit', (code) => done(code === 0))
  })
}

/** Test files at or below a path, relative to the root. */
function testFiles(path) {
  if (statSync(join(root, path)).isFile()) return [path]
  const names = readdirSync(join(root, path), { recursive: true })
  return names.filter((name) => name.endsWith('.test.ts')).map((name) => join(path, name))
}
