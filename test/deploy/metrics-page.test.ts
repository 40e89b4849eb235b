// docs/metrics.md against a real scrape: a name that is in one and not in the other misleads whoever builds an alert on it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startFullApi } from '../discovery/api/full-scrape.js'
import { readExposition } from '../kit/exposition.js'
import { ROOT } from '../structure/sources.js'

/** Each family as the page writes it: `name{label,…} type`. */
function documented(): string[] {
  const page = readFileSync(join(ROOT, 'docs', 'metrics.md'), 'utf8')
  return [...page.matchAll(/^\| `([^`]+)`\s*\| (\w+)\s*\| (\S.*)\|$/gm)].map(([, name, type]) => `${name} ${type}`)
}

test('the page lists every metric with its labels and its type, and no other', async (t) => {
  const api = await startFullApi(t)
  const families = readExposition(await (await api.fetch('/metrics')).text())
  const exposed = [...families].map(([name, { type, samples }]) => {
    const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)))
    labels.delete('le')
    return `${name}${labels.size === 0 ? '' : `{${[...labels].join(',')}}`} ${type}`
  })
  assert.deepEqual(documented().sort(), exposed.sort())
})
