// Makes a checkout ready to run: installs, builds and fetches only what is missing or stale. Node built-ins only, since it runs first.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const OLDEST_NODE = '20.18.1'
/** System commands that some feature runs. All are optional: what lacks its command says so and the rest goes on. */
const SYSTEM_COMMANDS = [
  { command: 'ping', debian: 'iputils-ping', for: 'the polling method "ping"' },
  { command: 'fping', debian: 'fping', for: 'pinging many instances at once' },
]
/** Needed only where better-sqlite3 finds no ready-made binary for this Node. */
const COMPILERS = [
  { command: 'python3', debian: 'python3', for: 'building better-sqlite3' },
  { command: 'make', debian: 'make', for: 'building better-sqlite3' },
  { command: 'g++', debian: 'g++', for: 'building better-sqlite3' },
]
const SOURCES = ['cli', 'discovery', 'processor', 'shared']

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const modules = join(root, 'node_modules')
const dist = join(root, 'dist')
/** What was installed and built: `{ abi, build }`. Inside node_modules, so that it goes when they go. */
const stampFile = join(modules, '.serverpy-prepare')

/** Checks alerts and metrics in the tests. Inside node_modules, so that it goes when they go. */
const promtool = join(modules, '.serverpy-tools', 'promtool')

const forced = process.argv.includes('--build')
const forTests = process.argv.includes('--test')
checkNode()
checkSystem()
install()
build()
if (forTests) fetchPromtool()

function checkNode() {
  const have = process.versions.node.split('.').map(Number)
  const need = OLDEST_NODE.split('.').map(Number)
  const difference = have.map((part, i) => part - need[i]).find((d) => d !== 0) ?? 0
  if (difference < 0) {
    fail(`Node ${process.versions.node} is too old: install Node ${OLDEST_NODE} or newer (https://nodejs.org)`)
  }
}

function checkSystem() {
  const missing = SYSTEM_COMMANDS.filter(({ command }) => !onPath(command))
  if (missing.length === 0 || installDebian(missing)) return
  for (const { command, debian, for: purpose } of missing) {
    say(
      `the command "${command}" is missing; ${purpose} stays off until it is there (Debian: apt-get install ${debian})`,
    )
  }
}

function install() {
  const stamp = readJson(stampFile)
  const sameNode = stamp === undefined || stamp.abi === process.versions.modules
  if (sameNode && matchesLock()) return
  say('installing packages (npm ci); a first time takes two to three minutes')
  // Without --include=dev, NODE_ENV=production would leave out the compiler that the build needs.
  const npmCi = () => run(...npm('ci', '--include=dev', '--no-audit', '--no-fund'))
  if (npmCi() === 0) return
  const compilers = COMPILERS.filter(({ command }) => !onPath(command))
  if (compilers.length > 0 && installDebian(compilers) && npmCi() === 0) return
  const hint =
    compilers.length > 0
      ? `install ${compilers.map(({ command }) => command).join(', ')} first (Debian: apt-get install ${compilers.map(({ debian }) => debian).join(' ')})`
      : 'see the lines of npm above; a registry that cannot be reached is the usual reason'
  fail(`npm ci failed: ${hint}`)
}

/** Whether what lies in node_modules is what package-lock.json says, by npm's own record of it. */
function matchesLock() {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages
  const found = readJson(join(modules, '.package-lock.json'))?.packages
  if (!wanted || !found) return false
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || entry.optional || found[path]?.version === entry.version,
  )
}

function build() {
  const hash = hashSources()
  const stamp = readJson(stampFile)
  const built = existsSync(join(dist, 'cli', 'main.js')) && stamp?.build === hash
  if (built && !forced) return
  say('building (tsc)')
  // Beside the old build and then in its place, so that a failed build leaves what worked.
  const fresh = join(root, 'dist.new')
  rmSync(fresh, { recursive: true, force: true })
  const tsc = join(modules, 'typescript', 'bin', 'tsc')
  const status = run(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--noEmitOnError', '--outDir', fresh])
  if (status !== 0) {
    rmSync(fresh, { recursive: true, force: true })
    fail('the build failed: correct what tsc says above, then run the same command again')
  }
  const main = join(fresh, 'cli', 'main.js')
  if (existsSync(main)) chmodSync(main, 0o755)
  rmSync(dist, { recursive: true, force: true })
  renameSync(fresh, dist)
  writeFileSync(stampFile, JSON.stringify({ abi: process.versions.modules, build: hash }))
}

function hashSources() {
  const hash = createHash('sha256')
  const files = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json']
  for (const folder of SOURCES) {
    for (const name of readdirSync(join(root, folder), { recursive: true })) {
      if (name.endsWith('.ts')) files.push(join(folder, name))
    }
  }
  for (const file of files.sort())
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0')
  return hash.digest('hex')
}

/** Installs Debian packages when this is Debian (or alike) and we are root; false when it could not. */
function installDebian(wanted) {
  const isRoot = process.getuid?.() === 0
  if (!isRoot || !existsSync('/etc/debian_version') || !onPath('apt-get')) return false
  const packages = wanted.map(({ debian }) => debian)
  say(`installing Debian packages: ${packages.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args) => run('apt-get', ['-qq', ...args], { env, timeout: 300_000 })
  apt('update')
  return apt('install', '-y', '--no-install-recommends', ...packages) === 0
}

/** From Debian's package, without installing it: that would start a Prometheus server on this machine. */
function fetchPromtool() {
  if (existsSync(promtool) || onPath('promtool')) return
  const folder = mkdtempSync(join(tmpdir(), 'serverpy-promtool-'))
  const quietly = { cwd: folder, stdio: 'ignore', timeout: 300_000 }
  const download = () => onPath('apt-get') && run('apt-get', ['-qq', 'download', 'prometheus'], quietly) === 0
  const extract = () => run('sh', ['-c', 'dpkg-deb --fsys-tarfile *.deb | tar -x ./usr/bin/promtool'], quietly) === 0
  say('fetching promtool, which some tests run (20 MB)')
  if (!download() && process.getuid?.() === 0 && onPath('apt-get')) run('apt-get', ['-qq', 'update'], quietly)
  if ((hasPackage(folder) || download()) && extract()) {
    mkdirSync(dirname(promtool), { recursive: true })
    // Beside it and then in its place: a copy that was cut off must not pass for it.
    copyFileSync(join(folder, 'usr', 'bin', 'promtool'), `${promtool}.new`)
    chmodSync(`${promtool}.new`, 0o755)
    renameSync(`${promtool}.new`, promtool)
  } else say('promtool is not to be had: the tests that need it are skipped (Debian: in the package prometheus)')
  rmSync(folder, { recursive: true, force: true })
}

function hasPackage(folder) {
  return readdirSync(folder).some((name) => name.endsWith('.deb'))
}

/** The npm that runs us, or the one on the path: [command, args]. */
function npm(...args) {
  const cli = process.env.npm_execpath
  return cli?.endsWith('.js') ? [process.execPath, [cli, ...args]] : ['npm', args]
}

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (error) say(`${command}: ${error.message}`)
  return status ?? 1
}

function onPath(command) {
  // Debian keeps some commands where the path of a plain user does not reach.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/bin', '/usr/sbin', '/sbin']
  return folders.some((folder) => folder !== '' && existsSync(join(folder, command)))
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined // Missing or broken: both mean that it has to be made anew.
  }
}

function say(line) {
  console.error(`prepare: ${line}`)
}

function fail(line) {
  say(line)
  process.exit(1)
}
