// From checks to tables: one for the eyes while it runs, and the section of docs/performance.md.
import { machine } from '../page.js'
import type { Check } from './check.js'

export interface Outcome {
  readonly title: string
  readonly checks: readonly Check[]
}

export function table(checks: readonly Check[]): string {
  const lines = checks.map(
    ({ what, seen, bound, held }) => `| ${what} | ${seen} | ${bound} | ${held ? 'yes' : '**no**'} |`,
  )
  return ['| | seen | bound | held |', '| --- | ---: | ---: | :---: |', ...lines].join('\n')
}

/** `network`: where it ran, for the reader who repeats it. */
export function section(outcomes: readonly Outcome[], network: string): string {
  const tables = outcomes.map(({ title, checks }) => `${title}:\n\n${table(checks)}`)
  return [...tables, `${machine()} ${network} Repeat it with \`node --import tsx bench/endurance/run.ts\`.`].join(
    '\n\n',
  )
}
