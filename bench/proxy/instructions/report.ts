// From counted stretches to a table, beside an earlier one where there is one.
import { median } from '../statistics.js'
import type { Counted } from './callgrind.js'

/** Per request. */
export interface Measured {
  readonly instructions: number
  /** Half the distance between the quarter and three-quarter points of the stretches: what a change has to exceed. */
  readonly spread: number
  /** Timers run by the clock: the longer a request took, the more of them it carries. */
  readonly ms: number
}

export interface Result {
  readonly node: string
  readonly requests: number
  readonly kinds: Readonly<Record<string, Measured>>
}

export function summary(windows: readonly Counted[], requests: number): Measured {
  const each = windows.map(({ instructions }) => instructions / requests).sort((a, b) => a - b)
  const at = (share: number) => each[Math.round(share * (each.length - 1))] ?? Number.NaN
  return {
    instructions: median(each),
    spread: (at(0.75) - at(0.25)) / 2,
    ms: median(windows.map(({ ms }) => ms)) / requests,
  }
}

export function report({ node, requests, kinds }: Result, earlier?: Result): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const titles = ['Requests', 'instructions each', '±', 'ms each', ...(earlier ? ['earlier', 'its ms', 'change'] : [])]
  const rows = Object.entries(kinds).map(([name, { instructions, spread, ms }]) => {
    const cells = [name, instructions.toFixed(0), spread.toFixed(0), ms.toFixed(2)]
    const before = earlier?.kinds[name]
    if (before === undefined) return line(cells)
    const change = 100 * (instructions / before.instructions - 1)
    return line([
      ...cells,
      before.instructions.toFixed(0),
      before.ms.toFixed(2),
      `${change >= 0 ? '+' : ''}${change.toFixed(2)} %`,
    ])
  })
  const other = earlier !== undefined && earlier.node !== node ? ` The earlier result is of Node ${earlier.node}.` : ''
  return [
    line(titles),
    line(['---', ...titles.slice(1).map(() => '---:')]),
    ...rows,
    '',
    `Medians of stretches of ${requests} requests, user space only, Node ${node}.${other}`,
  ].join('\n')
}
