// What every benchmark shares: the page it writes its tables to, and the machine that it ran on.
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'

const DOCS = new URL('../docs/', import.meta.url)
/** Where most benchmarks have their sections. */
const PERFORMANCE = 'performance.md'

/** Puts `text` between the markers of the benchmark `name` on a page of docs/. Throws where the page lacks them. */
export async function writeSection(name: string, text: string, file = PERFORMANCE): Promise<void> {
  const path = fileURLToPath(new URL(file, DOCS))
  const begin = `<!-- bench:${name} begin -->`
  const end = `<!-- bench:${name} end -->`
  const page = readFileSync(path, 'utf8')
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from < 0 || to < from) throw new Error(`docs/${file} lacks the markers of bench:${name}`)
  const whole = `${page.slice(0, from)}${begin}\n\n${text}\n\n${page.slice(to)}`
  writeFileSync(path, await format(whole, { ...(await resolveConfig(path)), parser: 'markdown' }))
}

/** Throws where the page lacks the markers of one of these: better before a long run than after it. */
export function requireSections(names: readonly string[], file = PERFORMANCE): void {
  const page = readFileSync(new URL(file, DOCS), 'utf8')
  const missing = names.filter((name) => !page.includes(`<!-- bench:${name} begin -->`))
  if (missing.length > 0) throw new Error(`docs/${file} lacks the markers of bench:${missing.join(', bench:')}`)
}

/** `Measured on DAY: machine, Node version.` */
export function machine(): string {
  const [first] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  const date = new Date().toISOString().slice(0, 10)
  const name = first?.model.trim() ?? 'unknown CPU'
  return `Measured on ${date}: ${cpus().length} × ${name}, ${memory} GiB, Linux ${release()}, Node ${process.versions.node}.`
}
