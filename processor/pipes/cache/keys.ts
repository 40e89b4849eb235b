// The first part of what an answer is stored under: its URL as clients ask for it.
import type { CacheOptions } from '../../../shared/config/pipes/cache.js'

export interface Keys {
  /** `scheme://host/path?query`. `target`: path and query. */
  of(secure: boolean, host: string, target: string): string
  /** The same for what a URL begins with, as it is. */
  start(secure: boolean, host: string, target: string): string
  /** Path and query without what tells nothing apart. */
  target(target: string): string
}

export function createKeys({ ignoreQuery, sortQuery }: CacheOptions['key']): Keys {
  const all = ignoreQuery.includes('*')
  const exact = new Set(ignoreQuery.filter((name) => !name.endsWith('*')))
  const prefixes = ignoreQuery.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1))
  const plain = ignoreQuery.length === 0 && !sortQuery

  function ignored(parameter: string): boolean {
    // Some services take it for the end of a parameter: what follows is another one to them.
    if (parameter.includes(';')) return false
    const equals = parameter.indexOf('=')
    const name = decoded(equals < 0 ? parameter : parameter.slice(0, equals))
    return exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix))
  }

  function target(given: string): string {
    if (plain) return given
    const mark = given.indexOf('?')
    if (mark < 0) return given
    const path = given.slice(0, mark)
    if (all) return path
    const parameters = given
      .slice(mark + 1)
      .split('&')
      .filter((parameter) => !ignored(parameter))
    if (sortQuery) parameters.sort()
    return parameters.length === 0 ? path : `${path}?${parameters.join('&')}`
  }

  return {
    target,
    start,
    of: (secure, host, given) => start(secure, host, target(given)),
  }
}

function start(secure: boolean, host: string, target: string): string {
  return secure ? `https://${bare(host, ':443')}${target}` : `http://${bare(host, ':80')}${target}`
}

/** Without the port that the scheme has in any case. */
function bare(host: string, port: string): string {
  return host.endsWith(port) ? host.slice(0, -port.length) : host
}

function decoded(name: string): string {
  if (!name.includes('%')) return name
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
