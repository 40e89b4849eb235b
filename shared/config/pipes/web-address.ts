// URLs that a pipe asks by itself, outside of the registry.
import type { Fault } from '../problem.js'

/** What is wrong with it; never echoes the URL, which may hold a secret. */
export function plainUrlFault(text: string): Fault | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:\/\//i.test(text))
    return { message: 'not a URL', hint: 'it begins with https:// or http://' }
  if (url.username !== '' || url.password !== '') return { message: 'a URL must not hold a user or a password' }
  return url.hash === '' ? undefined : { message: 'a URL that is asked has no fragment' }
}

/** Whether what is sent there stays on this machine. */
export function isLoopbackUrl(text: string): boolean {
  const { hostname } = new URL(text)
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}
