// The corpus: one case a file, readable, as it is also printed when a property fails.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Case } from './cases.js'

export interface CorpusFile {
  readonly name: string
  /** What it is about, from its first line. */
  readonly title: string
  /** What the reference has to say. */
  readonly expect: string
  readonly case: Case
}

const FOLDER = join(import.meta.dirname, 'corpus')

export function readCorpus(): CorpusFile[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'))
  return names.sort().map((name) => parseCase(name, readFileSync(join(FOLDER, name), 'utf8')))
}

/**
 * `# title`, then `key: value` lines, then `--`, then the bytes: line breaks of the file mean nothing, `\r \n \t \\ \xHH` are
 * bytes, `\|` is a cut and `\{40*x}` is a byte forty times.
 */
export function parseCase(name: string, text: string): CorpusFile {
  const [top = '', ...rest] = text.split('\n--\n')
  const settings = new Map(
    top.split('\n').flatMap((line): [string, string][] => {
      const match = /^([a-zA-Z]+): (.*)$/.exec(line)
      return match === null ? [] : [[match[1] ?? '', match[2] ?? '']]
    }),
  )
  const title = /^# (.*)$/m.exec(top)?.[1]
  const expect = settings.get('expect')
  if (title === undefined || expect === undefined || rest.length !== 1) throw new Error(`${name} is not a case`)
  settings.delete('expect')
  const values = [...settings].map(([key, value]) => [key, /^\d+$/.test(value) ? Number(value) : asBoolean(value)])
  return { name, title, expect, case: { ...Object.fromEntries(values), ...unescape(rest[0] ?? '') } as Case }
}

function asBoolean(value: string): string | boolean {
  return value === 'yes' ? true : value === 'no' ? false : value
}

export function formatCase(title: string, expect: string, tried: Case): string {
  const { bytes, cuts, ...settings } = tried
  const lines = Object.entries(settings).map(([key, value]) => {
    return `${key}: ${typeof value === 'boolean' ? (value ? 'yes' : 'no') : value}`
  })
  return `# ${title}\n${lines.join('\n')}\nexpect: ${expect}\n--\n${escape(bytes, cuts)}\n`
}

const NAMED = new Map([
  ['\r', '\\r'],
  ['\n', '\\n'],
  ['\t', '\\t'],
  ['\\', '\\\\'],
])

/** A line of the file ends behind each LF. A space at its end is escaped: editors take it away. */
export function escape(bytes: string, cuts: readonly number[]): string {
  let text = ''
  for (let i = 0; i < bytes.length;) {
    const byte = bytes[i] as string
    const nextCut = cuts.find((cut) => cut > i) ?? bytes.length
    const run = Math.min(runLength(bytes, i), nextCut - i)
    if (cuts.includes(i)) text += '\\|'
    text += run >= 40 ? `\\{${run}*${escapeByte(byte)}}` : escapeByte(byte)
    if (byte === '\n') text += '\n'
    i += run >= 40 ? run : 1
  }
  return text.replace(/ $/gm, '\\x20').replace(/\n$/, '')
}

function runLength(bytes: string, from: number): number {
  let end = from + 1
  while (bytes[end] === bytes[from]) end++
  return end - from
}

function escapeByte(byte: string): string {
  const code = byte.charCodeAt(0)
  const plain = code >= 0x20 && code < 0x7f ? byte : `\\x${code.toString(16).padStart(2, '0')}`
  return NAMED.get(byte) ?? plain
}

const PIECE = /\\\{(\d+)\*(\\x..|\\.|.)\}|\\x(..)|\\(.)|([^\\\n])/g

function unescape(text: string): { bytes: string; cuts: number[] } {
  let bytes = ''
  const cuts: number[] = []
  for (const [piece, times, repeated = '', hex, named, plain] of text.matchAll(PIECE)) {
    if (piece === '\\|') cuts.push(bytes.length)
    else if (times !== undefined) bytes += unescape(repeated).bytes.repeat(Number(times))
    else if (hex !== undefined) bytes += String.fromCharCode(Number.parseInt(hex, 16))
    else bytes += plain ?? [...NAMED].find(([, name]) => name === `\\${named}`)?.[0] ?? ''
  }
  return { bytes, cuts }
}
