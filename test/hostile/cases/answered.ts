// Pieces that cases about answers are written from.
import type { Expectation, HostileCase, Script, Shown } from '../case.js'
import { arrival, get } from '../write.js'

/** The origin answers a GET with this. */
export function answered(
  name: string,
  expect: Expectation,
  play: Script['play'],
  shows?: Shown,
  more: Partial<HostileCase> = {},
): HostileCase {
  return {
    name,
    expect,
    send: [get()],
    arrives: [arrival('GET')],
    script: { play },
    poison: 'POISON',
    ...(shows === undefined ? {} : { shows }),
    ...more,
  }
}

export const ok = (fields: string, body = ''): string => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`
export const hello: Shown = { status: 200, body: 'hello' }
