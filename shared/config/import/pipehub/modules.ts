// PipeHub's pipes are Go modules, which cannot run here. What their config says of addresses can be used all the same.
import { quoted } from '../../problem.js'
import type { Path } from '../../document.js'
import { isReference } from '../../variables.js'
import type { Section } from '../section.js'
import type { Sketch } from '../sketch.js'

/** It is repeated for each host. */
const LONGEST_ENTRY = 1000

export interface Address {
  readonly url: string
  /** As the file has it. */
  readonly written: string
  /** Where the file says so. */
  readonly from: Path
}

export interface Handler {
  /** Path of the pipe to write. */
  readonly file: string
  /** `onRequest` and the like are written by hand; this is what the function was called. */
  readonly called: string
  /** Address that the module's config names for a host, where it has an `endpoint` block as PipeHub's sample has it. */
  address(host: string): Address | undefined
  /** The entry that is to stand in a list of pipes: with the module's config as options, unless that is long. */
  readonly entry: string
}

export interface Modules {
  /** The handler that `alias.Function` means; a fault where there is none. */
  find(handler: string, from: Path): Handler
}

export function readModules(root: Section, sketch: Sketch): Modules {
  const byAlias = new Map<string, Omit<Handler, 'called'>>()
  for (const { name: path, section } of [...root.named('pipe'), ...olderModules(root)]) {
    const alias = section.text('alias') ?? aliasOf(path)
    for (const key of ['version', 'module']) section.text(key)
    const config = section.section('config')
    const file = `./pipes/${fileName(alias)}.js`
    sketch.note(
      section.path,
      `${quoted(path)} is a Go module and does not run`,
      `write ${file}: "serverpy pipe new ${fileName(alias)}" makes a skeleton`,
    )
    section.rest()
    if (byAlias.has(alias)) sketch.fault(section.path, `the alias ${quoted(alias)} is there already`, undefined, 'key')
    const addresses = addressesOf(config)
    byAlias.set(alias, {
      file,
      entry: entryOf(file, plain(section.value('config'))),
      address: (host) => addresses.get(host),
    })
  }
  return {
    find(handler, from) {
      const [alias = '', ...rest] = handler.split('.')
      const found = byAlias.get(alias)
      if (rest.length !== 1) sketch.fault(from, 'must be "alias.Function"')
      else if (!found) {
        sketch.fault(
          from,
          `there is no pipe with the alias ${quoted(alias)}`,
          `add pipe "module" { alias = ${quoted(alias)} }`,
        )
      }
      return { file: './pipes/pipe.js', entry: '', address: () => undefined, ...found, called: handler }
    },
  }
}

function addressesOf(config: Section | undefined): Map<string, Address> {
  const addresses = new Map<string, Address>()
  for (const endpoints of config?.sections('endpoint') ?? []) {
    for (const host of endpoints.keys) {
      const url = endpoints.value(host)
      if (typeof url === 'string') addresses.set(host, addressAt(endpoints, host, url))
    }
  }
  return addresses
}

/** `key` of `section` holds the address. */
export function addressAt(section: Section, key: string, url: string): Address {
  return { url, written: section.written(key) ?? url, from: section.at(key) }
}

/** `handler { path = "module" … }` of the first releases. */
function olderModules(root: Section): { name: string; section: Section }[] {
  return root.sections('handler').map((section) => {
    section.required('path')
    return { name: section.text('path') ?? '', section }
  })
}

function entryOf(use: string, options: unknown): string {
  const entry = JSON.stringify({ use, ...(options as object | undefined) }, withoutSecrets)
  return entry.length > LONGEST_ENTRY ? JSON.stringify({ use }) : entry
}

const SECRET = /passw|secret|token|credential|private|api.?key/i

/** Comments are read aloud and sent around; a variable may stay. */
function withoutSecrets(name: string, value: unknown): unknown {
  return typeof value === 'string' && SECRET.test(name) && !isReference(value) ? '…' : value
}

function aliasOf(path: string): string {
  return path.split('/').at(-1) ?? path
}

function fileName(alias: string): string {
  const name = alias
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return name === '' ? 'pipe' : name
}

/** Blocks that are there once as plain objects. */
function plain(value: unknown): unknown {
  if (Array.isArray(value))
    return value.length === 1 && typeof value[0] === 'object' ? plain(value[0]) : value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}
