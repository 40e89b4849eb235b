// The proxies under comparison: how each is configured and started, always as one worker pinned to one core.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { request } from '../../test/kit/http.js'
import { freePort } from '../../test/kit/ports.js'
import { startProcess } from '../../test/kit/process.js'
import type { Cleanup, RunningProcess } from '../../test/kit/process.js'
import { waitFor } from '../../test/kit/wait.js'
import { proxyConfig } from './nginx.js'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..', '..')
const packages = join(here, 'peers')

export const PATH = '/api/orders/17'

export interface Bench {
  cleanup: Cleanup
  /** A folder of its own for each peer is made in here. */
  folder: string
  originPort: number
  /** The core that the proxies are pinned to. */
  core: number
}

export interface Peer {
  label: string
  port: number
  process: RunningProcess
}

type Start = (bench: Bench, folder: string, port: number) => Promise<{ label: string; process: RunningProcess }>

const starts: Record<string, Start> = {
  async nginx(bench, folder, port) {
    const file = join(folder, 'nginx.conf')
    writeFileSync(file, proxyConfig(port, bench.originPort, folder))
    const process = await pinned(bench, ['nginx', '-p', folder, '-c', file])
    return { label: `nginx ${nginxVersion()}`, process }
  },
  fastify: (bench, _folder, port) => nodePeer(bench, port, 'fastify-http-proxy.mjs', ['@fastify/http-proxy']),
  express: (bench, _folder, port) => nodePeer(bench, port, 'express-axios.mjs', ['express', 'axios']),
  async us(bench, folder, port) {
    const main = join(root, 'dist', 'cli', 'main.js')
    if (!existsSync(main)) throw new Error('dist/cli/main.js is missing: run `npm run build` first')
    const file = join(folder, 'services.json')
    writeFileSync(file, JSON.stringify(ourConfig(bench, folder, port, await freePort())))
    const process = await pinned(bench, ['node', main, '-c', file, '-l', 'warn'], folder)
    return { label: `serverpy ${version(root)}`, process }
  },
}

export const PEERS = Object.keys(starts)

/** Everything as shipped, the recording of requests included, but for one worker and ports of the bench's own. */
function ourConfig(bench: Bench, folder: string, port: number, adminPort: number) {
  return {
    version: 1,
    discovery: { host: '127.0.0.1', port: adminPort, store: `sqlite:${join(folder, 'bench.db')}` },
    processor: { host: '127.0.0.1', port, workers: 1 },
    services: {
      bench: {
        servers: [`127.0.0.1:${bench.originPort}`],
        polling: { method: 'health', endpoint: '/health', frequency: 10 },
        apis: ['/api'],
      },
    },
  }
}

/** Starts a peer and resolves when a request has come through it. */
export async function startPeer(name: string, bench: Bench): Promise<Peer> {
  const start = starts[name]
  if (!start) throw new Error(`unknown peer "${name}": choose from ${PEERS.join(', ')}`)
  const folder = join(bench.folder, name)
  mkdirSync(folder)
  const port = await freePort()
  const peer = { port, ...(await start(bench, folder, port)) }
  const passes = async () => (await request(port, 'GET', PATH)).status === 200
  try {
    await waitFor(passes, { timeoutMs: 20_000, intervalMs: 100, what: `${name} to answer` })
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${peer.process.output()}`, { cause: error })
  }
  return peer
}

async function nodePeer(bench: Bench, port: number, script: string, names: string[]) {
  installPackages()
  const origin = `http://127.0.0.1:${bench.originPort}`
  const process = await pinned(bench, ['node', join(packages, script), String(port), origin])
  const label = names.map((name) => `${name} ${version(join(packages, 'node_modules', name))}`).join(' + ')
  return { label, process }
}

function pinned(bench: Bench, command: string[], cwd = root): Promise<RunningProcess> {
  const args = ['-c', String(bench.core), ...command]
  return startProcess('taskset', args, { t: bench.cleanup, cwd, env: { NODE_ENV: 'production' } })
}

/** Once, and again whenever the lock file is newer than what it led to. */
function installPackages(): void {
  try {
    execFileSync(process.execPath, ['-e', 'require.resolve("@fastify/http-proxy"); require.resolve("axios")'], {
      cwd: packages,
      stdio: 'ignore',
    })
  } catch {
    execFileSync('npm', ['ci', '--prefix', packages, '--no-audit', '--no-fund'], { stdio: ['ignore', 2, 2] })
  }
}

function version(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version
}

function nginxVersion(): string {
  const text = execFileSync('sh', ['-c', 'nginx -v 2>&1'], { encoding: 'utf8' })
  return /nginx\/([\d.]+)/.exec(text)?.[1] ?? ''
}
