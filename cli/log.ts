// The process's one log: pino, as lines of JSON, or for people where the output is a terminal. Lines never hold up the servers:
// what a pipe does not take is dropped and counted.
import { fstatSync } from 'node:fs'
import pc from 'picocolors'
import { type DestinationStream, pino } from 'pino'
import { build as pretty } from 'pino-pretty'
import { createLineWriter } from '../processor/line-writer.js'
import type { Log, LogLevel } from '../shared/log.js'

const STDOUT = 1
/** Lines of one moment are written together. */
const EVERY_MS = 1

export interface OwnLog {
  readonly log: Log
  /** Resolves when all lines are written, or cannot be. */
  close(): Promise<void>
}

/** `people`: readable lines in place of JSON. */
export function createLog(level: LogLevel, people: boolean): OwnLog {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    // The second net: no part of the code logs these on purpose.
    redact: {
      paths: ['token', '*.token', 'authorization', '*.authorization', 'cookie', '*.cookie'],
      censor: '[hidden]',
    },
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const atOnce = (stream: DestinationStream): OwnLog => ({ log: pino(options, stream), close: () => Promise.resolve() })
  if (people) {
    const form = { colorize: pc.isColorSupported, translateTime: 'SYS:HH:MM:ss.l', singleLine: true }
    return atOnce(pretty({ ...form, sync: true }))
  }
  // A file always takes what it gets.
  if (fstatSync(STDOUT).isFile()) return atOnce(pino.destination({ fd: STDOUT, sync: true }))

  const out = createLineWriter(STDOUT, { everyMs: EVERY_MS })
  let told = 0
  let telling = false
  const log = pino(options, {
    write(line) {
      const { dropped } = out
      out.write(inAscii(line))
      if (out.dropped === dropped) tell()
    },
  })

  function tell(): void {
    const { dropped } = out
    if (telling || dropped === told) return
    telling = true
    log.warn({ lines: dropped - told }, 'lines of the log are lost: the output does not take them')
    telling = false
    // It may be lost itself.
    if (out.dropped === dropped) told = dropped
  }

  return {
    log,
    close() {
      tell()
      return out.close()
    },
  }
}

/** What is not ASCII is within the texts of the JSON. */
function inAscii(line: string): string {
  return line.replace(/[^\0-\x7f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
