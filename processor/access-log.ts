// A line of JSON for each request, or for some of them, in the form of the process's log; written beside the path of requests.
import type { AccessLogConfig } from '../shared/config/model.js'
import type { Log } from '../shared/log.js'
import type { RequestRecord } from '../shared/metrics/report.js'
import type { LineWriter } from './line-writer.js'

/** What a line says beside the record; nothing of it may hold a query, the value of a field, or a body. */
export interface AccessExtra {
  /** Empty: the request belongs to no trace. */
  readonly traceId: string
  /** From the head of the request to the head of the answer; undefined where no answer came. */
  readonly firstByteMs?: number | undefined
}

export interface AccessLog {
  /** A request has ended, in whatever way. */
  finished(record: RequestRecord, extra: AccessExtra): void
  /** Later requests are picked by this. */
  configure(config: AccessLogConfig): void
  flush(): void
  /** Resolves when every line is written, or cannot be. */
  close(): Promise<void>
  /** Lines given up since the start, because the output did not take them. */
  readonly dropped: number
}

export interface AccessLogDeps {
  /** Name of the worker. */
  readonly worker: string
  readonly out: LineWriter
  /** 0 to 1, as Math.random. */
  readonly random: () => number
  readonly log: Log
}

/** Lines that are lost are told of no more often than this. */
const TELL_MS = 10_000

export function createAccessLog(config: AccessLogConfig, deps: AccessLogDeps): AccessLog {
  const { out, random, log } = deps
  const worker = text(deps.worker)
  let { sample } = config
  let told = 0
  let toldAt = -Infinity

  function picked({ status, error }: RequestRecord): boolean {
    if (sample >= 1) return true
    return sample > 0 && (status >= 500 || error !== '' || random() < sample)
  }

  function tell(at: number): void {
    if (at - toldAt < TELL_MS || !tellAll()) return
    toldAt = at
  }

  /** False: there is nothing that has not been told. */
  function tellAll(): boolean {
    if (out.dropped === told) return false
    log.warn({ lines: out.dropped - told }, 'lines of the access log are lost: the output does not take them')
    told = out.dropped
    return true
  }

  return {
    finished(record, extra) {
      if (!picked(record)) return
      out.write(lineOf(record, extra, worker))
      tell(record.at)
    },
    configure(next) {
      sample = next.sample
      // No later line tells it.
      if (sample === 0) tellAll()
    },
    flush: () => out.flush(),
    async close() {
      await out.close()
      tellAll()
    },
    get dropped() {
      return out.dropped
    },
  }
}

function lineOf(record: RequestRecord, { traceId, firstByteMs }: AccessExtra, worker: string): string {
  const level = record.status >= 500 || record.status === 0 ? 'warn' : 'info'
  return (
    `{"level":"${level}","time":"${iso(Math.floor(record.at + record.durationMs))}","worker":${worker},"request":${text(record.id)},` +
    (traceId === '' ? '' : `"trace":${text(traceId)},`) +
    `"client":${text(record.client)},"method":${text(record.method)},"path":${text(record.path)},` +
    `"route":${text(record.route)},"service":${text(record.service)},"instance":${text(record.instance)},` +
    `"status":${record.status},"attempts":${record.attempts},` +
    (record.error === '' ? '' : `"error":"${record.error}",`) +
    `"bytesIn":${record.bytesIn},"bytesOut":${record.bytesOut},"durationMs":${micro(record.durationMs)},` +
    (firstByteMs === undefined ? '' : `"firstByteMs":${micro(firstByteMs)},`) +
    `"msg":"request"}\n`
  )
}

let isoOf = 0
let isoText = ''

// Many requests end within one millisecond.
function iso(at: number): string {
  if (at !== isoOf) {
    isoOf = at
    isoText = new Date(at).toISOString()
  }
  return isoText
}

/** Milliseconds to the microsecond. */
function micro(ms: number): number {
  return Math.round(ms * 1000) / 1000
}

const PLAIN = /^[ !#-[\]-~]*$/

/** As JSON, in ASCII alone: a character is a byte, and a terminal gets nothing to act on. */
function text(value: string): string {
  if (PLAIN.test(value)) return `"${value}"`
  return JSON.stringify(value).replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
