// `npm start`: runs the sample instances named in services.example.json as processes of their own, and serverpy in front of them.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const READY_WITHIN_MS = 30_000
const STOP_WITHIN_MS = 15_000
/** Ctrl-C reaches us from the terminal and once more through npm: only a later one means "at once". */
const SAME_SIGNAL_MS = 500

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const configFile = 'services.example.json'
const config = JSON.parse(readFileSync(join(root, configFile), 'utf8'))
const { 'meta-info': meta = {}, ...others } = config
const services = Object.fromEntries(Object.entries(others).filter(([key]) => key !== '$schema'))
const admin = `http://127.0.0.1:${meta.discovery_server_port ?? 8008}`
const gateway = `http://127.0.0.1:${meta.request_processor_port ?? 8001}`
const samples = Object.entries(services).flatMap(([name, service]) =>
  addresses(service.servers).map((address) => ({ name, address, port: Number(address.split(':').at(-1)) })),
)

let stopping = false
let stopAskedAt = 0
let exitCode
const running = new Set()

await checkPorts()
for (const sample of samples) startSample(sample)
await Promise.all(samples.map((sample) => sample.listening))
const server = start([join('dist', 'cli', 'main.js'), '-c', configFile], ['ignore', 'inherit', 'inherit'])
server.once('exit', (code, signal) => {
  if (!stopping) console.error(`serverpy ended by itself (${signal ?? `exit code ${code}`}); stopping the samples`)
  void stop(stopping ? (code ?? 1) : code || 1)
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, onSignal)
await untilReady()
if (!stopping) greet()

function addresses(servers) {
  return Array.isArray(servers) ? servers : Object.keys(servers)
}

/** All taken ports in one line, before anything is started. */
async function checkPorts() {
  const wanted = [...samples.map(({ port }) => port), Number(new URL(admin).port), Number(new URL(gateway).port)]
  const taken = []
  for (const port of wanted) if (!(await isFree(port))) taken.push(port)
  if (taken.length === 0) return
  const ports = taken.length === 1 ? `port ${taken[0]} is` : `ports ${taken.join(', ')} are`
  console.error(`${ports} in use: stop what listens there, or change the number in ${configFile}`)
  process.exit(1)
}

function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, () => probe.close(() => resolve(true)))
  })
}

function startSample(sample) {
  sample.process = start(
    [join('examples', 'service.mjs'), sample.name, String(sample.port)],
    ['ignore', 'inherit', 'inherit', 'ipc'],
  )
  sample.listening = new Promise((resolve) => {
    sample.process.once('message', resolve)
    sample.process.once('exit', resolve)
  })
  sample.process.once('exit', (code, signal) => {
    if (stopping) return
    console.error(
      `sample ${sample.name} ${sample.address} (pid ${sample.process.pid}) ended (${signal ?? `exit code ${code}`}).`,
    )
    console.error(`  Bring it back with: node examples/service.mjs ${sample.name} ${sample.port}`)
  })
}

/** In a process group of its own, so that the terminal's Ctrl-C comes to us alone and each child is told once. */
function start(args, stdio) {
  const child = spawn(process.execPath, args, { cwd: root, stdio, detached: true })
  running.add(child)
  child.once('exit', () => running.delete(child))
  child.once('error', (error) => {
    running.delete(child)
    console.error(`cannot start ${args[0]}: ${error.message}`)
    void stop(1)
  })
  return child
}

async function untilReady() {
  const deadline = Date.now() + READY_WITHIN_MS
  while (!stopping) {
    const answers = await Promise.all([ok(`${admin}/readyz`), ok(`${gateway}/`)])
    if (answers.every(Boolean)) return
    if (Date.now() > deadline) {
      console.error(`serverpy is not ready after ${READY_WITHIN_MS / 1000} s: ${admin}/readyz says why`)
      await stop(1)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function ok(url) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) })
    await answer.arrayBuffer()
    return answer.ok
  } catch {
    return false // Not listening yet.
  }
}

function greet() {
  const api = Object.values(services)[0].apis[0]
  const [first] = samples
  const lines = [
    '',
    'serverpy is running. Worth opening:',
    `  ${gateway}${api}   a sample API through the gateway; ask a few times and other instances answer`,
    `  ${admin}/stats   each instance, its state and its latest polls`,
    `  ${admin}/api/v1/services   services and their health`,
    `  ${admin}/metrics   for Prometheus`,
    `  ${admin}/health`,
    '',
    'Sample instances:',
    ...samples.map(({ name, address, process: child }) => `  ${name.padEnd(10)} ${address}   pid ${child.pid}`),
    '',
    `See failover: kill ${first.process.pid}   (then open ${gateway}${api} and ${admin}/stats)`,
    'Ctrl-C stops everything.',
  ]
  console.log(lines.join('\n'))
}

function onSignal() {
  const now = Date.now()
  if (!stopping) {
    stopAskedAt = now
    // The samples go after it: requests in flight still need them. Its exit code becomes ours.
    stopping = true
    server.kill('SIGTERM')
    setTimeout(killAll, STOP_WITHIN_MS).unref()
  } else if (now - stopAskedAt > SAME_SIGNAL_MS) killAll()
}

function killAll() {
  for (const child of running) child.kill('SIGKILL')
}

/** Ends whatever still runs, then us; the first reason given decides the exit code. */
async function stop(code) {
  stopping = true
  exitCode ??= code
  const ends = [...running].map((child) => new Promise((resolve) => child.once('exit', resolve)))
  for (const child of running) child.kill('SIGTERM')
  setTimeout(killAll, STOP_WITHIN_MS).unref()
  await Promise.all(ends)
  process.exit(exitCode)
}
