// The process's one log: pino, as lines of JSON, or for people where the output is a terminal.
import pc from 'picocolors'
import { pino } from 'pino'
import { build as pretty } from 'pino-pretty'
import type { Log, LogLevel } from '../shared/log.js'

/** `people`: readable lines in place of JSON. */
export function createLog(level: LogLevel, people: boolean): Log {
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
  const logger = people
    ? pino(
        options,
        pretty({ colorize: pc.isColorSupported, sync: true, translateTime: 'SYS:HH:MM:ss.l', singleLine: true }),
      )
    : pino(options, pino.destination({ fd: 1, sync: true }))
  return logger
}
