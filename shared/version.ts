// The one place that knows the product's name and version.
import { readFileSync } from 'node:fs'

export const PRODUCT = 'serverpy'

function read(): string {
  // The file is one folder up in the sources and two in the built package.
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const found = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as {
        name?: string
        version?: string
      }
      if (found.name === PRODUCT && found.version !== undefined) return found.version
    } catch {
      continue
    }
  }
  return '0.0.0'
}

export const VERSION = read()
