// A strict reader of Prometheus' text format, for tests of what writes it.

export interface Family {
  readonly type: string
  readonly help: string
  readonly samples: {
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    readonly value: number
  }[]
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const PAIR = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"'
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${PAIR}(?:,${PAIR})*)\\})? (\\+Inf|-Inf|NaN|-?[0-9.]+(?:e[+-]?[0-9]+)?)$`)

/** Throws for whatever the format does not allow: order, names, labels, histograms that do not add up, samples twice. */
export function readExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const families = new Map<string, Family>()
  const seen = new Set<string>()
  let help: { name: string; text: string } | undefined
  let current: { name: string; family: Family } | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    const [, helpName, helpText] = new RegExp(`^# HELP (${NAME}) (.+)$`).exec(line) ?? []
    const [, typeName, type] = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`).exec(line) ?? []
    if (helpName !== undefined && helpText !== undefined) {
      help = { name: helpName, text: helpText }
    } else if (typeName !== undefined && type !== undefined) {
      if (help?.name !== typeName) throw new Error(`${typeName} has no help before its type`)
      if (families.has(typeName)) throw new Error(`${typeName} comes twice`)
      if ((type === 'counter') !== typeName.endsWith('_total')) throw new Error(`${typeName} is no name for a ${type}`)
      const family = { type, help: help.text, samples: [] }
      families.set(typeName, family)
      current = { name: typeName, family }
    } else {
      const [, name, labels = '', value] = SAMPLE.exec(line) ?? []
      if (name === undefined || value === undefined) throw new Error(`no sample: ${line}`)
      const own = current?.family.type === 'histogram' ? name.replace(/_(bucket|sum|count)$/, '') : name
      if (current === undefined || own !== current.name) throw new Error(`${name} is out of its family`)
      const key = `${name}{${labels}}`
      if (seen.has(key)) throw new Error(`${key} comes twice`)
      seen.add(key)
      current.family.samples.push({
        name,
        labels: readLabels(labels),
        value: Number(value.replace('+Inf', 'Infinity')),
      })
    }
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkHistogram(name, family)
  return families
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const [, name = '', value = ''] of text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) {
    if (name in labels) throw new Error(`the label ${name} comes twice`)
    labels[name] = value.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))
  }
  return labels
}

function checkHistogram(name: string, { samples }: Family): void {
  const series = new Map<string, { les: number[]; counts: number[]; sum?: number; count?: number }>()
  for (const sample of samples) {
    const { le, ...rest } = sample.labels
    const key = JSON.stringify(rest)
    const one = series.get(key) ?? { les: [], counts: [] }
    series.set(key, one)
    if (sample.name === `${name}_sum`) one.sum = sample.value
    else if (sample.name === `${name}_count`) one.count = sample.value
    else {
      one.les.push(Number(le?.replace('+Inf', 'Infinity')))
      one.counts.push(sample.value)
    }
  }
  for (const [key, { les, counts, sum, count }] of series) {
    const rising = (list: number[], strictly: boolean) =>
      list.every((n, i) => i === 0 || (strictly ? n > (list[i - 1] ?? 0) : n >= (list[i - 1] ?? 0)))
    if (!rising(les, true) || les.at(-1) !== Infinity) throw new Error(`${name}${key}: the bounds do not rise to +Inf`)
    if (!rising(counts, false)) throw new Error(`${name}${key}: the buckets are not cumulated`)
    if (sum === undefined || count !== counts.at(-1))
      throw new Error(`${name}${key}: sum or count are missing or wrong`)
  }
}
