// Closed loops by wrk: each connection sends its next request when the last one is answered.
import { fileURLToPath } from 'node:url'
import { startPinned, LOAD_CORE } from '../pinned.js'
import type { RequestShape } from '../requests.js'
import type { Load } from './load.js'
import { resultOf } from './output.js'

const SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url))

export interface WrkOptions {
  readonly connections: number
  readonly request: RequestShape
  readonly tls?: boolean
}

interface Report {
  readonly answered: number
  readonly durationUs: number
  readonly failed: number
  readonly broken: number
  readonly p50Us: number
  readonly p90Us: number
  readonly p99Us: number
  readonly p999Us: number
}

export function wrk({ connections, request, tls = false }: WrkOptions): Load {
  return async ({ port, seconds, cleanup, begin }) => {
    const fields = Object.entries(request.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
    const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}${request.path}`
    const numbers = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '10s']
    const told = ['--', request.method, String(request.bodyBytes)]
    begin()
    const running = await startPinned(LOAD_CORE, ['wrk', ...numbers, '-s', SCRIPT, ...fields, url, ...told], {
      t: cleanup,
    })
    const report = await resultOf<Report>('wrk', running, seconds)
    const requests = report.answered - report.failed
    return {
      requests,
      requestsPerSecond: (requests * 1e6) / report.durationUs,
      p50Ms: report.p50Us / 1000,
      p90Ms: report.p90Us / 1000,
      p99Ms: report.p99Us / 1000,
      p999Ms: report.p999Us / 1000,
      errors: report.failed + report.broken,
    }
  }
}
