// Reads a config file from disk; everything that can be wrong with the file itself is a problem, never a throw.
import { isUtf8 } from 'node:buffer'
import { constants, open } from 'node:fs/promises'
import type { Parsed } from './model.js'
import { formatFault, parseConfig, type ConfigDeps } from './parse.js'
import { fileFault } from './small-file.js'
import type { Environment } from './variables.js'

const MOST_BYTES = 16 * 1024 * 1024

/** `path` is relative to the working directory and stands in the problems as it is given. */
export async function loadConfig(path: string, env: Environment, deps: Partial<ConfigDeps> = {}): Promise<Parsed> {
  const read = await readConfigFile(path)
  return read.ok ? parseConfig(read.text, path, env, deps) : read
}

type Refused = Extract<Parsed, { ok: false }>

/** The text of a config file, whatever it says. */
export async function readConfigFile(path: string): Promise<{ readonly ok: true; readonly text: string } | Refused> {
  const refuse = (message: string): Refused => refused(path, 0, message)
  const refuseContent = (message: string, hint?: string): Refused => refused(path, 1, message, hint)
  const unread = formatFault(path)
  if (unread) return refused(path, 0, unread.message, unread.hint)
  let bytes: Buffer
  try {
    // A pipe must not keep us waiting for its writer.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stat = await file.stat()
      if (!stat.isFile()) return refuse(stat.isDirectory() ? 'this is a directory' : 'not a regular file')
      if (stat.size > MOST_BYTES) return refuseContent('larger than 16 MiB')
      bytes = await file.readFile()
    } finally {
      await file.close()
    }
  } catch (error) {
    return refuse(fileFault(error).message)
  }
  if (isUtf16(bytes)) return refuseContent('not UTF-8 but UTF-16', 'save it as UTF-8')
  if (!isUtf8(bytes)) return refuseContent('not UTF-8', 'save it as UTF-8')
  return { ok: true, text: bytes.toString('utf8') }
}

/** `at` is 1 where the file itself is there to be looked at: its first line and column; else 0. */
function refused(file: string, at: 0 | 1, message: string, hint?: string): Refused {
  return {
    ok: false,
    problems: [{ file, line: at, col: at, path: '', message, ...(hint !== undefined && { hint }) }],
  }
}

function isUtf16(bytes: Buffer): boolean {
  return (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
}
