// Pieces that cases are written from. `<case>` in them becomes the id of the case.
import { type Arrival, CASE, type Expectation, type HostileCase } from './case.js'

export const TARGET = `/app/${CASE}`
export const HOST = 'Host: gate.test\r\n'
/** A whole request that must never be seen as one: it lies where a careless reader would take it for the next. */
export const SMUGGLED = `GET /app/${CASE}/smuggled HTTP/1.1\r\nHost: gate.test\r\n\r\n`

/** A request with these field lines (each with its CRLF) after Host. */
export function request(method: string, fields = '', body = '', target = TARGET): string {
  return `${method} ${target} HTTP/1.1\r\n${HOST}${fields}\r\n${body}`
}

export const get = (fields = '', target = TARGET): string => request('GET', fields, '', target)
export const post = (fields: string, body: string): string => request('POST', fields, body)
export const CHUNKED = 'Transfer-Encoding: chunked\r\n'
export const chunked = (body: string, fields = ''): string => post(CHUNKED + fields, body)

export const arrival = (method: string, body = '', more: Partial<Arrival> = {}): Arrival => ({
  method,
  target: TARGET,
  body,
  ...more,
})

/** One string is one request that is sent; of its meaning `arrives` tells. */
export function hostile(
  name: string,
  expect: Expectation,
  send: string,
  arrives: readonly Arrival[] = [],
  more: Partial<HostileCase> = {},
): HostileCase {
  return { name, expect, send: [send], arrives, ...more }
}

/** Refused, or passed on in a form that has one reading. */
export const either = (name: string, send: string, arrives: readonly Arrival[] = [arrival('GET')]): HostileCase =>
  hostile(name, 'either', send, arrives)

export const forwarded = (name: string, send: string, arrives: readonly Arrival[] = [arrival('GET')]): HostileCase =>
  hostile(name, 'forwarded', send, arrives)

export const refused = (name: string, send: string, more: Partial<HostileCase> = {}): HostileCase =>
  hostile(name, 'refused', send, [], more)

/** Control bytes that are never allowed; TAB, LF and CR have cases of their own. */
export const CONTROLS = [...Array(32).keys(), 127]
  .filter((code) => ![9, 10, 13].includes(code))
  .map((code) => String.fromCharCode(code))

/** How a byte is called in the name of a case. */
export function nameOf(byte: string): string {
  const code = byte.charCodeAt(0)
  const names: Record<number, string> = {
    0: 'NUL',
    9: 'TAB',
    10: 'LF',
    11: 'VT',
    12: 'FF',
    13: 'CR',
    32: 'SP',
    127: 'DEL',
  }
  return names[code] ?? `0x${code.toString(16).padStart(2, '0')}`
}

/** A spelling in the name of a case: what is not plain is escaped. */
export function spelt(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 20)}… ${text.length} bytes` : text).replace(
    /[\x7f-\xff]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16)}`,
  )
}
