// Names and addresses as the native config wants them.
import type { Path } from '../document.js'
import type { Sketch } from './sketch.js'

export interface Names {
  /** Made of letters, digits, "-", "_" and "."; unique among those that this gave; `fallback` where nothing else is left. */
  from(text: string, fallback: string): string
}

/** A name is a key of the native config, where no variable is expanded: it has to be known when the file is converted. */
export function checkName(name: string, from: Path, sketch: Sketch): void {
  if (name.includes('${')) sketch.fault(from, 'a name must not hold a variable')
}

const LONGEST = 60

export function createNames(): Names {
  const given = new Set<string>()
  const lastOf = new Map<string, number>()
  return {
    from(text, fallback) {
      const plain = text
        .replace(/[^A-Za-z0-9_.-]+/g, '-')
        .replace(/^[^A-Za-z0-9]+|-+$/g, '')
        .slice(0, LONGEST)
      // A name of digits alone would not keep its place among the others of an object.
      const name = /^\d*$/.test(plain) ? [fallback, plain].filter((part) => part !== '').join('-') : plain
      // Not from 2 each time: many prefixes may come to one name.
      let n = lastOf.get(name) ?? 0
      let unique: string
      do unique = ++n === 1 ? name : `${name}-${n}`
      while (given.has(unique))
      lastOf.set(name, n)
      given.add(unique)
      return unique
    },
  }
}

/** A variable may stand for the port. */
const LISTEN = /^(.*):(\d{1,5}|\$\{[^:{}]*(?::-\d{1,5})?\})$/

/** Puts `host:port` as two keys under `into`: `0.0.0.0:80`, `[::1]:80`, `:80`. */
export function putListen(text: string, into: Path, from: Path, sketch: Sketch): number | undefined {
  const [, host = '', port = ''] = LISTEN.exec(text) ?? []
  if (port === '') {
    sketch.fault(from, 'must be an address with a port', 'such as "0.0.0.0:8080"')
    return undefined
  }
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  if (bare !== '') sketch.put([...into, 'host'], bare, from)
  const number = /^\d+$/.test(port) ? Number(port) : undefined
  sketch.put([...into, 'port'], number ?? port, from)
  return number
}
