// A discovery half that lives in the test's process, and the questions that tests ask it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { startDiscovery, type Discovery } from '../../discovery/server.js'
import { systemClock } from '../../shared/clock.js'
import { silentLog } from '../../shared/log.js'
import { parseTestConfig } from '../kit/config.js'

export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'serverpy-discovery-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export interface Options {
  readonly discovery?: Record<string, unknown>
  readonly servers?: readonly string[]
  readonly polling?: Record<string, unknown>
  readonly processorExpected?: boolean
}

export function configOf({ discovery = {}, servers = ['127.0.0.1:1'], polling = {} }: Options) {
  return parseTestConfig({
    version: 1,
    discovery: { host: '127.0.0.1', port: 0, store: 'memory', ...discovery },
    services: {
      orders: { servers, polling: { method: 'health', endpoint: '/up', frequency: 1, ...polling }, apis: ['/orders'] },
    },
  })
}

export async function start(t: TestContext, options: Options = {}): Promise<Discovery> {
  const discovery = await startDiscovery(configOf(options), {
    clock: systemClock,
    log: silentLog,
    random: Math.random,
    version: '1.2.3',
    searchPath: '',
    processorExpected: options.processorExpected ?? false,
  })
  t.after(() => discovery.close())
  return discovery
}

export async function ask<T = Record<string, unknown>>(discovery: Discovery, path: string): Promise<T> {
  return (await (await fetch(`http://127.0.0.1:${discovery.port}${path}`)).json()) as T
}
