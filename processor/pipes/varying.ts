// Tells caches by which field of requests an answer differs (RFC 9110 section 12.5.5).
import type { FieldLines } from './pipe.js'

export function addVary(headers: FieldLines, name: string): void {
  const vary = headers.get('vary') ?? ''
  const known = vary.split(',').map((one) => one.trim().toLowerCase())
  if (known.includes('*') || known.includes(name.toLowerCase())) return
  headers.set('Vary', vary === '' ? name : `${vary}, ${name}`)
}
