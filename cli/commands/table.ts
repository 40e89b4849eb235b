// Tables for a terminal: columns as wide as their widest cell, colours added after the widths are known.
import { printable } from './terminal.js'

export interface Column {
  readonly title: string
  readonly right?: boolean
}

export interface Cell {
  readonly text: string
  readonly colour?: (text: string) => string
}

/** Lines with a header; an empty text shows as `-`. */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  const cells = [columns.map(({ title }): Cell => ({ text: title })), ...rows].map((row) =>
    row.map(({ text, colour }) => ({ text: text === '' ? '-' : printable(text), colour })),
  )
  const widths = columns.map((_, i) => cells.reduce((width, row) => Math.max(width, row[i]?.text.length ?? 0), 0))
  const line = (row: readonly { text: string; colour: Cell['colour'] }[]) =>
    row
      .map(({ text, colour }, i) => {
        const space = ' '.repeat((widths[i] ?? 0) - text.length)
        const shown = colour?.(text) ?? text
        return columns[i]?.right ? space + shown : shown + space
      })
      .join('  ')
      .trimEnd()
  return cells.map((row) => `${line(row)}\n`).join('')
}
