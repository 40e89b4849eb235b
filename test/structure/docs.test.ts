// Links in the documents: a page that points to nothing tells its reader that nobody looks after it.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { ROOT } from './sources.js'

function documents(): string[] {
  const markdown = (name: string) => name.endsWith('.md')
  const top = readdirSync(ROOT).filter(markdown)
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).filter(markdown)
  return [
    ...top,
    ...docs.map((name) => join('docs', name)),
    join('deploy', 'README.md'),
    join('examples', 'README.md'),
  ].map((name) => join(ROOT, name))
}

/** Text without code, where a bracket is no link. */
function prose(text: string): string {
  return text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').replace(/`[^`\n]*`/g, '')
}

function targets(text: string): string[] {
  const inline = [...prose(text).matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)]
  const defined = [...prose(text).matchAll(/^\s*\[[^\]]+\]:\s+<?([^\s>]+)>?/gm)]
  return [...inline, ...defined].map((match) => match[1] ?? '')
}

/** The anchors that a page's headings make, as GitHub and most renderers form them. */
function anchors(text: string): Set<string> {
  const headings = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)
  const seen = new Map<string, number>()
  const result = new Set<string>()
  for (const [, heading = ''] of headings) {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-')
    const before = seen.get(slug) ?? 0
    seen.set(slug, before + 1)
    result.add(before === 0 ? slug : `${slug}-${before}`)
  }
  return result
}

function broken(file: string, text: string): string[] {
  return targets(text)
    .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target))
    .filter((target) => {
      const [path = '', anchor] = target.split('#')
      const pointsTo = path === '' ? file : join(dirname(file), decodeURIComponent(path))
      if (pointsTo !== file && !existsSync(pointsTo)) return true
      if (anchor === undefined || !pointsTo.endsWith('.md')) return false
      return !anchors(pointsTo === file ? text : readFileSync(pointsTo, 'utf8')).has(anchor)
    })
    .map((target) => `${relative(ROOT, file)}: ${target}`)
}

test('every link between the documents leads to a file, and to a heading where it names one', () => {
  const files = documents()
  assert.ok(files.length >= 5)
  assert.deepEqual(
    files.flatMap((file) => broken(file, readFileSync(file, 'utf8'))),
    [],
  )
})

test('a link to a missing file or heading is found, and code is no link', () => {
  const text =
    '# A `b` c\n[x](#a-b-c) [y](#gone) [z](gone.md "t") [w](https://example.org/) `[v](no.md)`\n\n[r]: nowhere.md\n'
  assert.deepEqual(broken(join(ROOT, 'README.md'), text), [
    'README.md: #gone',
    'README.md: gone.md',
    'README.md: nowhere.md',
  ])
})
