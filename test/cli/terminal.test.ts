// What commands do when nobody reads what they say.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { endWithReader } from '../../cli/commands/terminal.js'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

test('a command whose reader is gone ends well, without a word', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'schema'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (err += text))
  const [code] = (await once(child, 'close')) as [number | null]
  assert.deepEqual([err, code], ['', 0])
})

test('any other fault of the output is one, and a server is left alone', () => {
  const stdout = new EventEmitter()
  let ends = 0
  const served = endWithReader({ stdout, exit: () => ends++ } as unknown as NodeJS.Process)
  stdout.emit('error', Object.assign(new Error('gone'), { code: 'EPIPE' }))
  assert.equal(ends, 1)
  assert.throws(() => stdout.emit('error', Object.assign(new Error('the disk is full'), { code: 'ENOSPC' })), /full/)
  served()
  assert.equal(stdout.listenerCount('error'), 0)
})
