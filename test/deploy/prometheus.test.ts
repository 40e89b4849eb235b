// The alerts and the dashboard name only what is really exposed, and Prometheus' own checker takes them.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parse } from 'yaml'
import { startFullApi } from '../discovery/api/full-scrape.js'
import { readExposition } from '../kit/exposition.js'
import { promtool, promtoolMissing } from '../kit/promtool.js'
import { ROOT } from '../structure/sources.js'

const deploy = (...path: string[]) => join(ROOT, 'deploy', ...path)
const ALERTS = deploy('prometheus', 'alerts.yml')

interface Alerts {
  groups: { rules: { alert: string; expr: string; annotations: { summary?: string; description?: string } }[] }[]
}

interface Panel {
  id: number
  type: string
  title: string
  description?: string
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: { expr: string }[]
}

interface Dashboard {
  schemaVersion: number
  templating: { list: { name: string; query: string | { query: string } }[] }
  panels: Panel[]
}

const alerts = () => (parse(readFileSync(ALERTS, 'utf8')) as Alerts).groups.flatMap(({ rules }) => rules)
const dashboard = () => JSON.parse(readFileSync(deploy('grafana', 'serverpy.json'), 'utf8')) as Dashboard
const expressions = () => dashboard().panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))

/** Names and labels of all series, those of histograms with their endings. */
async function exposed(t: TestContext): Promise<Map<string, Set<string>>> {
  const api = await startFullApi(t)
  const series = new Map<string, Set<string>>()
  for (const { samples } of readExposition(await (await api.fetch('/metrics')).text()).values()) {
    for (const { name, labels } of samples) series.set(name, new Set(Object.keys(labels)))
  }
  return series
}

/** What an expression selects: `name` and the labels between the braces after it. */
function selectors(expr: string): { name: string; labels: string[] }[] {
  return [...expr.matchAll(/\b((?:serverpy|proxy|process)_\w+)(?:\{([^}]*)\})?/g)].map(
    ([, name = '', inside = '']) => ({
      name,
      labels: [...inside.matchAll(/(\w+)\s*(?:=~|!=|!~|=)/g)].map(([, label = '']) => label),
    }),
  )
}

/** What is wrong with the selectors of an expression; `job` is Prometheus' own. */
function unknown(expr: string, series: Map<string, Set<string>>): string[] {
  return selectors(expr).flatMap(({ name, labels }) => {
    const known = series.get(name)
    if (known === undefined) return [`${name} is not exposed`]
    return labels.filter((label) => label !== 'job' && !known.has(label)).map((label) => `${name} has no ${label}`)
  })
}

test('every series and label that an alert names is exposed', async (t) => {
  const series = await exposed(t)
  assert.ok(alerts().length >= 10)
  for (const { alert, expr } of alerts()) {
    assert.ok(selectors(expr).length > 0, `${alert} names a series`)
    assert.deepEqual(unknown(expr, series), [], alert)
  }
  assert.deepEqual(unknown('serverpy_nothing{job="x"} > proxy_request_total{state="x"}', series), [
    'serverpy_nothing is not exposed',
    'proxy_request_total has no state',
  ])
})

test('every series and label that the dashboard names is exposed', async (t) => {
  const series = await exposed(t)
  assert.ok(expressions().length >= 30)
  for (const expr of expressions()) {
    assert.ok(selectors(expr).length > 0, expr)
    assert.deepEqual(unknown(expr, series), [], expr)
  }
  for (const { name, query } of dashboard().templating.list.slice(1)) {
    assert.deepEqual(unknown(typeof query === 'string' ? query : query.query, series), [], name)
  }
})

test('the dashboard is one that Grafana 10 takes: panels with ids of their own that do not overlap', () => {
  const { schemaVersion, panels } = dashboard()
  assert.ok(schemaVersion >= 38)
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const taken = new Set<string>()
  for (const { title, type, description, gridPos } of panels) {
    assert.ok(type === 'row' || (description ?? '') !== '', `${title} says what it shows`)
    assert.ok(gridPos.x + gridPos.w <= 24, `${title} is within the page`)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(!taken.has(`${x} ${y}`), `${title} overlaps`)
        taken.add(`${x} ${y}`)
      }
    }
  }
})

test('every alert has a test of its own, and says in words what it means', () => {
  const tested = readFileSync(deploy('prometheus', 'alerts.test.yml'), 'utf8')
  for (const { alert, annotations } of alerts()) {
    assert.match(tested, new RegExp(`alertname: ${alert}\\n[^-]*exp_alerts:\\n\\s+- exp_labels`), alert)
    assert.ok(annotations.summary && annotations.description, alert)
  }
})

test('promtool takes the alerts, their tests and the example of a config', { skip: promtoolMissing }, () => {
  for (const args of [
    ['check', 'rules', '--lint-fatal', ALERTS],
    ['test', 'rules', deploy('prometheus', 'alerts.test.yml')],
    ['check', 'config', deploy('prometheus', 'prometheus.yml')],
  ]) {
    const { code, output } = promtool(args)
    assert.equal(code, 0, output)
  }
})

test('promtool takes every expression of the dashboard', { skip: promtoolMissing }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'serverpy-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'panels.yml')
  const rules = expressions().map((expr, i) => ({
    record: `panel:${i}`,
    // What Grafana puts in.
    expr: expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(job|service)/g, '.*'),
  }))
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'g', rules }] }))
  const { code, output } = promtool(['check', 'rules', file])
  assert.equal(code, 0, output)
})
