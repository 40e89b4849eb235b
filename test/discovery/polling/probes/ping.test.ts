// The ping probe with the system's programs, with stand-ins for broken ones, and with none.
import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseLine } from '../../../../discovery/polling/probes/fping.js'
import { waitFor } from '../../../kit/wait.js'
import { server } from '../../servers.js'
import { prober, raw } from './listen.js'

const ping = (host: string, patch = {}) => server(`${host}:80`, { method: 'ping', timeoutMs: 2000, ...patch })

const system = (name: string) => ['/usr/bin', '/bin', '/usr/sbin', '/sbin'].map((f) => join(f, name)).find(existsSync)

/** A folder to search programs in: names of real ones, and shell scripts in place of others. */
async function programs(
  t: TestContext,
  real: readonly string[],
  scripts: Record<string, string> = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-ping-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const name of real) {
    const path = system(name)
    if (path === undefined) t.skip(`${name} is not installed`)
    else await symlink(path, join(folder, name))
  }
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`)
    await chmod(join(folder, name), 0o755)
  }
  return folder
}

test('without ping and fping the status is unknown, with what to install, and other probes go on', async (t) => {
  const probe = prober(t, await programs(t, []))
  const address = await raw(t, (socket) => socket.resume())
  const [missing, tcp] = await Promise.all([probe(ping('127.0.0.1')), probe(server(address))])
  assert.deepEqual([missing.verdict, missing.status], ['inconclusive', 'unknown'])
  assert.match(missing.response, /install the package iputils-ping/)
  assert.equal(tcp.verdict, 'passed')
})

for (const program of ['ping', 'fping']) {
  test(`${program} reaches loopback`, async (t) => {
    const probe = prober(t, await programs(t, [program]))
    const results = await Promise.all(
      ['127.0.0.1', '127.0.0.2', 'localhost', '127.0.0.1'].map((host) => probe(ping(host))),
    )
    for (const result of results) {
      assert.deepEqual([result.verdict, result.status], ['passed', 'active'])
      assert.match(result.response, /^echo reply in [\d.]+ ms$/)
      assert.ok(result.latencyMs < 100)
    }
  })
}

test('what falls due together is one fping, and a name that does not resolve harms only itself', async (t) => {
  const fping = system('fping')
  if (!fping) return t.skip('fping is not installed')
  const folder = await programs(t, [], { fping: `echo run >> "$(dirname "$0")/runs"; exec ${fping} "$@"` })
  const probe = prober(t, folder)
  const hosts = Array.from({ length: 100 }, (_, i) => `127.0.1.${i + 1}`)
  const results = await Promise.all([...hosts, 'does-not-exist.invalid'].map((host) => probe(ping(host))))
  assert.notEqual(results.pop()?.verdict, 'passed')
  assert.deepEqual([...new Set(results.map((r) => r.verdict))], ['passed'])
  assert.equal((await readFile(join(folder, 'runs'), 'utf8')).trim().split('\n').length, 1)
})

test('where fping fails, ping takes over', async (t) => {
  const folder = await programs(t, ['ping'], { fping: 'echo "fping: cannot create socket" >&2; exit 4' })
  const probe = prober(t, folder)
  assert.equal((await probe(ping('127.0.0.1'))).verdict, 'passed')
})

test('an fping that vanishes is not missed', async (t) => {
  const folder = await programs(t, ['ping', 'fping'])
  const probe = prober(t, folder)
  assert.equal((await probe(ping('127.0.0.1'))).verdict, 'passed')
  await rm(join(folder, 'fping'))
  assert.equal((await probe(ping('127.0.0.1'))).verdict, 'passed')
})

test('no reply is service unreachable at the timeout, and the program is ended', async (t) => {
  for (const name of ['ping', 'fping']) {
    const folder = await programs(t, [], { [name]: `echo $$ > "$(dirname "$0")/pid"; exec sleep 30` })
    const startedAt = performance.now()
    const result = await prober(t, folder)(ping('127.0.0.1', { timeoutMs: 300 }))
    const tookMs = performance.now() - startedAt
    assert.deepEqual(
      [result.verdict, result.status, result.response],
      ['failed', 'service unreachable', 'no echo reply within 300 ms'],
    )
    assert.ok(tookMs >= 290 && tookMs < 5000, `took ${tookMs} ms`)
    const pid = Number(await readFile(join(folder, 'pid'), 'utf8'))
    await waitFor(() => !existsSync(`/proc/${pid}`), { what: `${name} to end` })
  }
})

test('a ping that says something unheard of is our own fault, not a crash', async (t) => {
  for (const words of ['Usage', 'ping: socket: Operation not permitted', '', 'x\\nx x\\n(']) {
    const folder = await programs(t, [], { ping: `printf '${words}\\n'; exit 2` })
    const result = await prober(t, folder)(ping('127.0.0.1'))
    assert.deepEqual([result.verdict, result.status], ['inconclusive', 'discovery server error'])
    assert.match(result.response, /^ping fails/)
  }
})

test('a host that begins with a dash never becomes an option', async (t) => {
  const folder = await programs(t, [], { ping: 'touch "$(dirname "$0")/ran"' })
  const result = await prober(t, folder)(ping('-f'))
  assert.notEqual(result.verdict, 'passed')
  assert.equal(existsSync(join(folder, 'ran')), false)
})

test('lines of fping are read whatever the width of their first column', () => {
  assert.deepEqual(parseLine('127.0.0.1 : [0], 64 bytes, 0.034 ms (0.034 avg, 0% loss)'), {
    address: '127.0.0.1',
    echo: { kind: 'reply', latencyMs: 0.034 },
  })
  assert.equal(parseLine('::1       : [0], 64 bytes, 1.5 ms (1.5 avg, 0% loss)')?.address, '::1')
  assert.equal(parseLine('127.0.0.1 : [0], timed out (NaN avg, 100% loss)')?.echo.kind, 'none')
  assert.equal(parseLine('127.0.0.1 : xmt/rcv/%loss = 1/0/100%')?.echo.kind, 'none')
  assert.equal(parseLine('127.0.0.1 : xmt/rcv/%loss = 1/1/0%, min/avg/max = 0.1/0.1/0.1'), undefined)
  assert.deepEqual(parseLine('ICMP Host Unreachable from 10.0.0.1 for ICMP Echo sent to 10.0.0.9'), {
    address: '10.0.0.9',
    echo: { kind: 'none', reason: 'Host Unreachable from 10.0.0.1' },
  })
  assert.equal(parseLine('nosuch.invalid: Name or service not known'), undefined)
})
