// What the structure tests read: the product's source files and the imports in them.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  path: string
  text: string
}

/** Every `.ts` file below a folder of the root. */
export function sourcesIn(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => posix.join(folder, name.replaceAll('\\', '/')))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
}

export interface Import {
  from: string
  /** As written. */
  specifier: string
  /** For a relative one: the file that it means, relative to the root. */
  file?: string
  /** For a package: its name, without a path inside it. Neither for a module of Node (`node:`). */
  pkg?: string
}

/** Static imports, re-exports, `import()` and `require()` with a literal, type-only ones included. */
export function importsOf({ path, text }: SourceFile): Import[] {
  const specifiers = ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName)
  return specifiers.map((specifier) => {
    if (specifier.startsWith('.')) return { from: path, specifier, file: posix.join(posix.dirname(path), specifier) }
    return specifier.startsWith('node:')
      ? { from: path, specifier }
      : { from: path, specifier, pkg: packageOf(specifier) }
  })
}

function packageOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/')
  return first.startsWith('@') ? `${first}/${second}` : first
}
