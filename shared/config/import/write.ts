// Writes a converted config as YAML for people: each part says where it comes from, and what has no counterpart.
import { basename } from 'node:path'
import { Document as YamlDocument, isMap, isScalar, isSeq, type Node } from 'yaml'
import type { Document, Path } from '../document.js'
import { formatProblem } from '../problem.js'
import { createCarriers } from './carriers.js'
import type { Imported, Importer } from './import.js'
import { notesOf } from './index.js'

type Made = Extract<Imported, { ok: true }>

/** Lines of comments end here where they can. */
const WIDTH = 110

/** Variables stay as `made` has them, so that the text holds no secret that the source did not hold. */
export function writeNative(made: Made, source: Document, { title }: Importer): string {
  const yaml = new YamlDocument(JSON.parse(JSON.stringify(made.config)))
  const name = basename(source.file)
  // What several services have from one place is told of once.
  const texts = new Map<Node, Set<string>>()
  const top = new Set<string>()
  const commented = createCarriers(yaml)
  const say = (path: Path, text: string) => {
    const node = commented(path)
    const there = node === undefined ? top : (texts.get(node) ?? new Set())
    there.add(text)
    if (node !== undefined) texts.set(node, there)
  }
  for (const path of partsOf(made.config)) say(path, `From ${name}:${lineOf(path, made, source)}.`)
  for (const { path, text } of made.comments) say(path, sentence(text))
  const placed = made.notes.map((note) => ({ ...note, line: source.place(note.path, note.part ?? 'key').line }))
  for (const { at, line, message, hint } of placed.sort((a, b) => a.line - b.line))
    say(at ?? [], sentence(`Note, ${name}:${line}: ${message}; ${hint}`))
  for (const [node, lines] of texts) node.commentBefore = [...lines].flatMap(wrapped).join('\n')
  const head = [`Made from ${name}, a config of ${title}.`, ...top]
  yaml.commentBefore = head.flatMap(wrapped).join('\n')
  flatten(yaml.contents)
  return yaml.toString({ lineWidth: 0, flowCollectionPadding: true, singleQuote: true })
}

/** The lines that tell of each note, for a terminal. */
export function noteLines(made: Made, source: Document): string[] {
  return notesOf(source, made).map(formatProblem)
}

/** What says of itself where it comes from. */
function partsOf(config: Readonly<Record<string, unknown>>): Path[] {
  const keys = (value: unknown) => Object.keys(value ?? {})
  const processor = (config['processor'] ?? {}) as Readonly<Record<string, unknown>>
  return [
    ...keys(config['services']).map((key) => ['services', key]),
    ...keys(config['routes']).map((key) => ['routes', Number(key)]),
    ...keys(processor['listeners']).map((key) => ['processor', 'listeners', Number(key)]),
    ...keys(processor['hosts']).map((key) => ['processor', 'hosts', key]),
  ]
}

function lineOf(path: Path, { origin }: Made, source: Document): number {
  return source.place(origin(path), 'key').line
}

/** Short lists of plain values stand on one line. */
function flatten(node: unknown): void {
  if (isMap(node)) for (const pair of node.items) flatten(pair.value)
  if (!isSeq(node)) return
  const plain = node.items.every((item) => isScalar(item) && item.commentBefore === undefined)
  if (plain && JSON.stringify(node.items.map((item) => (isScalar(item) ? item.value : ''))).length < WIDTH)
    node.flow = true
  for (const item of node.items) flatten(item)
}

function sentence(text: string): string {
  const ended = /[.!?]$/.test(text) ? text : `${text}.`
  return ended.charAt(0).toUpperCase() + ended.slice(1)
}

// A comment ends with its line, and a terminal may be what shows it.
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu

function wrapped(text: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.replace(UNPRINTABLE, ' ').split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(` ${line}`)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, ` ${line}`]
}
