// The field lines of a head that do not travel on: indexes in rising order, for the one head that is being read.
import { latin1 } from './bytes.js'
import { fieldCount, lineEnd, MOST_FIELDS, nameEnd, nameStart } from './fields.js'

const dropped = new Int32Array(MOST_FIELDS)
let count = 0

export function dropNone(): void {
  count = 0
}

/** Drops field `i`, in whatever order; twice is once. */
export function drop(i: number): void {
  let at = count
  while (at > 0 && (dropped[at - 1] as number) > i) at--
  if (at > 0 && dropped[at - 1] === i) return
  if (at < count) dropped.copyWithin(at + 1, at, count)
  dropped[at] = i
  count++
}

/** Drops every field of this name, which is in lower case. */
export function dropNamed(buf: Buffer, name: string): void {
  for (let i = 0; i < fieldCount; i++) {
    if (nameEnd(i) - nameStart(i) === name.length && latin1(buf, nameStart(i), nameEnd(i)).toLowerCase() === name)
      drop(i)
  }
}

/** The lines that are left, as Latin-1, which keeps every byte. */
export function keptLines(buf: Buffer): string {
  const end = nameStart(fieldCount)
  let from = nameStart(0)
  let kept = ''
  for (let i = 0; i < count; i++) {
    const index = dropped[i] as number
    const start = nameStart(index)
    if (start > from) kept += latin1(buf, from, start)
    from = lineEnd(index)
  }
  return end > from ? kept + latin1(buf, from, end) : kept
}

/** Members of a list such as Connection's, in lower case. White space is space and tab only (RFC 9110 section 5.6.3). */
export function options(list: string): string[] {
  return list
    .toLowerCase()
    .split(',')
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '')
}
