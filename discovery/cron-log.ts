// What node-cron has to say goes to the log; by itself it writes to the console.
import type { Log } from '../shared/log.js'

export function cronLog(log: Log) {
  return {
    debug: (message: string | Error) => log.debug({}, String(message)),
    info: (message: string) => log.debug({}, message),
    warn: (message: string) => log.debug({}, message),
    error: (message: string | Error) => log.warn({}, String(message)),
  }
}
