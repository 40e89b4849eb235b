// What the bench needs and a checkout lacks: commands from Debian, packages from npm, two small C programs, a certificate.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
export const PACKAGES = join(here, 'peers')

/** Command to the Debian packages that bring it. */
const DEBIAN: Record<string, readonly string[]> = {
  nginx: ['nginx'],
  haproxy: ['haproxy'],
  caddy: ['caddy'],
  wrk: ['wrk'],
  gcc: ['gcc', 'libc6-dev'],
  openssl: ['openssl'],
  taskset: ['util-linux'],
  valgrind: ['valgrind'],
}

/** Their output belongs to the log and not into the report. */
const LOGGED = { stdio: ['ignore', 2, 2] as ('ignore' | number)[] }

/** Installs what is missing where this is Debian and we are root, and says what to install where not. */
export function requireCommands(commands: readonly string[]): void {
  const missing = commands.filter((command) => spawnSync('sh', ['-c', `command -v ${command}`]).status !== 0)
  if (missing.length === 0) return
  const packages = [...new Set(missing.flatMap((command) => DEBIAN[command] ?? [command]))]
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    throw new Error(`install ${missing.join(', ')} first (Debian: apt-get install ${packages.join(' ')})`)
  }
  execFileSync('apt-get', ['-qq', 'update'], LOGGED)
  execFileSync('apt-get', ['-qq', 'install', '-y', '--no-install-recommends', ...packages], LOGGED)
}

/** The proxies that come from npm: once, and again whenever one of them cannot be found. */
export function requirePackages(): void {
  const probe = ['@fastify/http-proxy', 'axios', 'express', 'http-proxy-3', 'undici']
    .map((name) => `require.resolve(${JSON.stringify(name)})`)
    .join(';')
  const { status } = spawnSync(process.execPath, ['-e', probe], { cwd: PACKAGES, stdio: 'ignore' })
  if (status !== 0) execFileSync('npm', ['ci', '--prefix', PACKAGES, '--no-audit', '--no-fund'], LOGGED)
}

export interface Tools {
  /** The load generator and the WebSocket origin of load/. */
  readonly load: string
  readonly echo: string
}

export function compileTools(folder: string): Tools {
  const source = (name: string) => join(here, 'load', name)
  const compile = (target: string, ...sources: string[]) =>
    execFileSync('gcc', ['-O2', '-Wall', '-o', target, ...sources.map(source)], LOGGED)
  const tools = { load: join(folder, 'load'), echo: join(folder, 'echo') }
  compile(tools.load, 'load.c', 'connection.c', 'options.c')
  compile(tools.echo, 'echo.c')
  return tools
}

export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
}

/** Self-signed, on the curve that most servers use today. */
export function makeCertificate(folder: string): Certificate {
  const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', files.keyFile]
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  execFileSync('openssl', ['req', '-x509', ...key, '-out', files.certFile, '-days', '2', ...name], { stdio: 'ignore' })
  return files
}
