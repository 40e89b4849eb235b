// Where the module of a user's pipe is: a file beside the config, or a package that is installed there.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { quoted, type Fault } from '../problem.js'
import { isObject } from '../reader.js'
import { exportedFile } from './package-exports.js'

/** `digest`: of its content, where that was read. */
export type FoundModule = { readonly file: string; readonly digest?: string } | { readonly fault: Fault }

/** `use` is a path, or the name of a package; both as seen from `directory`. */
export type FindModule = (use: string, directory: string) => FoundModule

const RUNNABLE = new Set(['.js', '.mjs', '.cjs'])
const NEEDS_TYPESCRIPT = new Set(['.ts', '.mts'])
/** `@scope/name` or `name`, what is inside of it, and the version that it must have. */
const PACKAGE = /^((?:@[a-z0-9~_-][a-z0-9._~-]*\/)?[a-z0-9~_-][a-z0-9._~-]*)(?:@([^/@]+))?(\/[^@]+)?$/i
const VERSION = /^\d+(?:\.\d+){0,2}(?:[-+][\w.+-]+)?$/

export function isModulePath(use: string): boolean {
  return /^(?:\.\.?\/|\/|file:)/.test(use)
}

export const findModule: FindModule = (use, directory) =>
  isModulePath(use) ? findFile(use, directory) : findPackage(use, directory)

/** Takes every module for being there. */
export const UNSOUGHT: FindModule = (use, directory) => ({
  file: isModulePath(use) ? resolve(directory, use) : join(directory, 'node_modules', use),
})

/** `use` is a path relative to `directory`, an absolute one or a file URL. */
function findFile(use: string, directory: string): FoundModule {
  let file: string
  try {
    file = use.startsWith('file:') ? fileURLToPath(use) : resolve(directory, use)
  } catch {
    return { fault: { message: `${quoted(use)} is not the URL of a file on this machine` } }
  }
  return checkFile(file, use)
}

function checkFile(file: string, use: string): FoundModule {
  const extension = extname(file)
  if (NEEDS_TYPESCRIPT.has(extension) && !runsTypeScript()) {
    return {
      fault: { message: 'this Node.js runs no TypeScript', hint: 'compile it to .js, or use Node.js 22.18 or newer' },
    }
  }
  if (!RUNNABLE.has(extension) && !NEEDS_TYPESCRIPT.has(extension))
    return { fault: { message: `the module of a pipe is a .js, .mjs, .cjs or .ts file, not ${quoted(use)}` } }
  try {
    if (statSync(file).isFile()) {
      return { file: realpathSync(file), digest: moduleDigest(readFileSync(file)) }
    }
    return { fault: { message: `${quoted(use)} is not a file` } }
  } catch {
    const end = ['.mjs', '.js', '.ts'].find((other) => existsSync(withoutEnd(file, extension) + other))
    const hint =
      end === undefined
        ? `the path is relative to the folder of this file; "serverpy pipe new" makes one`
        : `did you mean ${quoted(withoutEnd(use, extension) + end)}?`
    return { fault: { message: `there is no file ${quoted(use)}`, hint } }
  }
}

function withoutEnd(path: string, extension: string): string {
  return path.slice(0, path.length - extension.length)
}

/** Node.js 22.18 and newer do. */
function runsTypeScript(): boolean {
  const { typescript } = process.features as { readonly typescript?: unknown }
  return typescript === 'strip' || typescript === 'transform'
}

/** `use` is the name of a package, as far as `directory` can import it; with `@version` it must be of that one. */
function findPackage(use: string, directory: string): FoundModule {
  const [, name, version, inside] = PACKAGE.exec(use) ?? []
  if (name === undefined) return { fault: { message: `${quoted(use)} is neither a path nor the name of a package` } }
  if (version !== undefined && !VERSION.test(version)) {
    return { fault: { message: `${quoted(version)} is not a version`, hint: 'one as in "1", "1.4" or "1.4.2"' } }
  }
  const folder = folderOf(name, directory)
  if (folder === undefined) return { fault: notInstalled(use, name, directory) }
  const about = readAbout(folder)
  if (version !== undefined && !isOf(version, about?.['version'])) {
    const installed = typeof about?.['version'] === 'string' ? `version ${about['version']}` : 'no version'
    const hint = `npm install ${name}@${version}, or name the version that is there`
    return { fault: { message: `the package "${name}" is installed in ${installed}, not ${version}`, hint } }
  }
  const file = entryOf(folder, about, inside)
  if (file === undefined || !existsSync(file))
    return {
      fault: { message: `the package "${name}" has no module ${quoted(inside === undefined ? '.' : `.${inside}`)}` },
    }
  return checkFile(file, use)
}

function notInstalled(use: string, name: string, directory: string): Fault {
  const word = !/[/@]/.test(use)
  const message = word
    ? `there is no pipe ${quoted(name)}, neither in the gateway nor as a package`
    : `the package "${name}" is not installed`
  if (existsSync(join(directory, use))) return { message, hint: `for the file, write "./${use}"` }
  return { message, hint: `npm install ${name} in the folder of this file; a path begins with "./"` }
}

function folderOf(name: string, directory: string): string | undefined {
  const require = createRequire(join(directory, 'config.js'))
  // The name of a built-in module of Node's has none.
  const places = require.resolve.paths(name) ?? []
  return places.map((place) => join(place, name)).find((folder) => existsSync(join(folder, 'package.json')))
}

function readAbout(folder: string): Record<string, unknown> | undefined {
  try {
    const about: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return isObject(about) && !Array.isArray(about) ? about : undefined
  } catch {
    return undefined
  }
}

/** `1.4` is any 1.4.x. */
function isOf(version: string, installed: unknown): boolean {
  if (typeof installed !== 'string') return false
  return installed === version || (/^\d+(\.\d+)?$/.test(version) && installed.startsWith(`${version}.`))
}

/** As `import` finds it. */
function entryOf(
  folder: string,
  about: Record<string, unknown> | undefined,
  inside: string | undefined,
): string | undefined {
  const exported = about?.['exports']
  if (exported !== undefined && exported !== null) {
    const file = exportedFile(exported, inside === undefined ? '.' : `.${inside}`)
    return file === undefined ? undefined : join(folder, file)
  }
  if (inside !== undefined) return join(folder, inside)
  try {
    return createRequire(join(dirname(folder), 'config.js')).resolve(folder)
  } catch {
    return undefined
  }
}

export function moduleDigest(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16)
}
