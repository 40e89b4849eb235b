// The pipe `record` over real sockets and a real disk: what is kept of exchanges, and how much at most.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createRecordFile } from '../../../processor/pipes/record-file.js'
import { silentLog } from '../../../shared/log.js'
import { request } from '../../kit/http.js'
import type { OriginHandler } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'
import { waitFor } from '../../kit/wait.js'
import { saidOf } from './faults.js'
import { keepingLog, startPiped } from './rig.js'

interface Recorded {
  readonly method: string
  readonly target: string
  readonly status: number
  readonly request: { readonly headers: [string, string][]; readonly body?: string; readonly bytes?: number }
  readonly answer?: { readonly headers: [string, string][]; readonly body?: string; readonly base64?: string } & Record<
    string,
    unknown
  >
}

async function folderOf(t: Cleanup): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-record-'))
  // What a worker has still to write may come as the folder goes.
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 }))
  return folder
}

async function startRecording(t: Cleanup, options: Record<string, unknown> = {}, handler?: OriginHandler) {
  const folder = await folderOf(t)
  const file = join(folder, 'sub', 'exchanges.jsonl')
  const { port, gateway } = await startPiped(t, {}, [{ use: 'record', file, ...options }], handler && { handler })
  const close = () => gateway.pipes.close()
  const records = async (): Promise<Recorded[]> =>
    (await readFile(file, 'utf8').catch(() => ''))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Recorded)
  return {
    port,
    file,
    close,
    next: (count: number) => waitFor(async () => (await records()).length >= count && records()),
  }
}

test('of two on one way each keeps what it is to keep', async (t) => {
  const folder = await folderOf(t)
  const [heads, all] = [join(folder, 'heads.jsonl'), join(folder, 'all.jsonl')]
  const { port } = await startPiped(t, {}, [
    { use: 'record', file: heads, body: 0 },
    { use: 'record', file: all },
  ])
  await request(port, 'POST', '/x', { body: 'question' })
  const bodyIn = async (file: string) => {
    const line = await waitFor(async () => {
      const text = await readFile(file, 'utf8').catch(() => '')
      return text.endsWith('\n') && text
    })
    return (JSON.parse(line) as Recorded).request.body
  }
  assert.deepEqual([await bodyIn(heads), await bodyIn(all)], [undefined, 'question'])
})

test('head and body of both sides are kept, and no secret', async (t) => {
  const { port, file, next } = await startRecording(t, { redact: ['X-Key'] }, async (req) => {
    await req.body()
    req.answer(201, 'answer é', { 'Set-Cookie': 's=hidden', 'X-A': 'b' })
  })
  const fields = { Authorization: 'hidden', Cookie: 'a=hidden', 'X-Key': 'hidden', 'X-Open': 'o' }
  await request(port, 'POST', '/x?token=hidden&y=1', { body: 'question', fields })
  const [record] = await next(1)
  assert.ok(record)
  assert.doesNotMatch(JSON.stringify(record), /hidden/)
  assert.deepEqual([record.method, record.target, record.status], ['POST', '/x?token=***&y=1', 201])
  assert.deepEqual([record.request.body, record.request.bytes], ['question', 8])
  assert.equal(record.answer?.body, 'answer é')
  const shown = Object.fromEntries(record.request.headers.map(([name, value]) => [name.toLowerCase(), value]))
  assert.deepEqual([shown['authorization'], shown['x-key'], shown['x-open']], ['***', '***', 'o'])
  assert.equal((await stat(file)).mode & 0o077, 0, 'nobody else may read it')
})

test('what pipes find credentials in is hidden without being named again, and so is what is called as a secret', async (t) => {
  const folder = await folderOf(t)
  const file = join(folder, 'exchanges.jsonl')
  const hidden = 'hidden-key-of-a-partner'
  const pipes = [
    { use: 'record', file },
    {
      use: 'log',
      message: 'seen',
      fields: ['query'],
      request_headers: ['Partner', 'Referer'],
      answer_headers: ['Link'],
    },
    { use: 'auth-key', keys: [hidden], header: 'Partner', query: 'pk' },
    { use: 'auth-jwt', secret: 'a secret of more than thirty-two bytes', header: 'Jot', optional: true, query: 'jq' },
  ]
  const { port, lines } = await startPiped(t, {}, pipes, {
    handler: (req) =>
      req.answer(200, '', {
        Link: '</a?token=hidden>; rel=next',
        Refresh: '0; url=/?jq=hidden',
        'X-Vault-Token': 'hidden',
      }),
  })
  const fields = { Partner: hidden, Referer: 'http://me:hidden@a/?pk=hidden&b=1', apikey: 'hidden', 'X-Open': 'o' }
  await request(port, 'GET', `/x?pk=${hidden}&X-Amz-Signature=hidden&session_token=hidden&y=1`, { fields })
  const record = await waitFor(() => readFile(file, 'utf8').catch(() => ''))
  assert.doesNotMatch(record, /hidden/)
  const [line] = lines.filter(({ message }) => message === 'seen')
  assert.doesNotMatch(JSON.stringify(line), /hidden/)
  const { target, status } = JSON.parse(record) as Recorded
  assert.deepEqual([target, status], ['/x?pk=***&X-Amz-Signature=***&session_token=***&y=1', 200])
  assert.match(record, /http:\/\/\*\*\*@a\/\?pk=\*\*\*&b=1/)
})

test('of a long body the beginning is kept, of one that is no text base64', async (t) => {
  const { port, next } = await startRecording(t, { body: 10 }, (req) =>
    req.answer(200, req.target === '/bytes' ? Buffer.from([0xff, 0xfe]) : 'ééééééééé', {}),
  )
  await request(port, 'GET', '/long')
  await request(port, 'GET', '/bytes')
  const [long, bytes] = await next(2)
  assert.deepEqual([long?.answer?.body, long?.answer?.['bytes'], long?.answer?.['shortened']], ['ééééé', 18, true])
  assert.equal(bytes?.answer?.base64, '//4=')
})

test('a file that has become long is set aside, and only so many are kept', async (t) => {
  const { port, file, close } = await startRecording(t, { size: '64KiB', keep: 2, body: '16KiB' }, (req) =>
    req.answer(200, 'x'.repeat(16_000)),
  )
  for (let i = 0; i < 40; i++) await request(port, 'GET', '/')
  await close()
  const names = await readdir(join(file, '..'))
  assert.ok(names.includes('exchanges.jsonl.2') && !names.includes('exchanges.jsonl.3'), names.join())
  for (const name of names) assert.ok((await stat(join(file, '..', name))).size < 64 * 1024 + 300_000, name)
})

test('several writers of one file lose nothing as it is set aside', async (t) => {
  const folder = await folderOf(t)
  const file = join(folder, 'all.jsonl')
  const options = {
    file,
    fileBytes: 10_000,
    keep: 1000,
    backlogBytes: 1024 * 1024,
    log: silentLog,
    now: () => performance.now(),
  }
  for (let round = 0; round < 20; round++) {
    const writers = [createRecordFile(options), createRecordFile(options), createRecordFile(options)]
    for (const [w, writer] of writers.entries())
      for (let i = 0; i < 10; i++) writer.write(`{"n":"${w}-${round}-${i}","more":"${'x'.repeat(200)}"}\n`)
    await Promise.all(writers.map((writer) => writer.close()))
  }
  const seen = new Set<string>()
  for (const name of await readdir(folder))
    for (const line of (await readFile(join(folder, name), 'utf8')).split('\n'))
      if (line !== '') seen.add((JSON.parse(line) as { n: string }).n)
  assert.equal(seen.size, 600)
  assert.ok((await readdir(folder)).length > 3)
})

test('what waits for the disk is bounded; what is more is lost, counted and told', async (t) => {
  const folder = await folderOf(t)
  const { log, lines } = keepingLog()
  const options = {
    file: join(folder, 'a'),
    fileBytes: 1e9,
    keep: 1,
    backlogBytes: 1000,
    log,
    now: () => performance.now(),
  }
  const writer = createRecordFile(options)
  for (let i = 0; i < 100; i++) writer.write(`${'x'.repeat(99)}\n`)
  assert.equal(writer.dropped, 90)
  assert.equal(lines.length, 1)
  await writer.close()
  assert.equal((await stat(join(folder, 'a'))).size, 1000)
  assert.equal(writer.written, 10)
})

test('a disk that takes nothing is no concern of the clients', async (t) => {
  const folder = await folderOf(t)
  await mkdir(join(folder, 'taken'))
  const { port, lines } = await startPiped(t, {}, [{ use: 'record', file: join(folder, 'taken') }])
  for (let i = 0; i < 20; i++) assert.equal((await request(port, 'GET', '/')).status, 200)
  await waitFor(() => lines.some(({ message }) => message === 'records of exchanges are lost'))
})

test('nothing is written through a link, nor into a pipe that nobody reads', { timeout: 20_000 }, async (t) => {
  const folder = await folderOf(t)
  const victim = join(folder, 'victim')
  await writeFile(victim, 'as it was')
  await symlink(victim, join(folder, 'link'))
  execFileSync('mkfifo', [join(folder, 'fifo')])
  for (const [name, code] of [
    ['link', 'ELOOP'],
    ['fifo', 'ENXIO'],
  ] as const) {
    const { log, lines } = keepingLog()
    const limits = { fileBytes: 1e9, keep: 1, backlogBytes: 1000 }
    const writer = createRecordFile({ file: join(folder, name), ...limits, log, now: () => performance.now() })
    writer.write('a line\n')
    await writer.close()
    assert.deepEqual([writer.written, writer.dropped, lines[0]?.fields['reason']], [0, 1, code])
  }
  assert.equal(await readFile(victim, 'utf8'), 'as it was')
})

test('faults of the config', () => {
  assert.match(saidOf({ use: 'record' }).faults.join(), /"file" is required/)
  assert.match(saidOf({ use: 'record', file: 'a', size: 5 }).faults.join(), /at least 65536/)
})
