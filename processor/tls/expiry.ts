// Warns of certificates that clients refuse, or soon will, because of their dates.
import type { X509Certificate } from 'node:crypto'
import type { Log } from '../../shared/log.js'

const DAY_MS = 86_400_000
const SOON_MS = 14 * DAY_MS

/** The file and what is in it, as log lines show it. */
export function shown(certFile: string, leaf: X509Certificate): Record<string, unknown> {
  return {
    certificate: certFile,
    subject: leaf.subject.split('\n').join(', '),
    expires: new Date(leaf.validTo).toISOString(),
  }
}

/** The returned function says it at once, when it gets worse, and again each day. */
export function createExpiryWatch(
  certFile: string,
  deps: { readonly log: Log; readonly now: () => number },
): (leaf: X509Certificate) => void {
  let said = ''
  let saidAt = 0
  return (leaf) => {
    const now = deps.now()
    const warning = warningOf(leaf, now)
    if (warning === '' || (warning === said && now - saidAt < DAY_MS)) return
    said = warning
    saidAt = now
    deps.log.warn(shown(certFile, leaf), warning)
  }
}

function warningOf(leaf: X509Certificate, now: number): string {
  const left = Date.parse(leaf.validTo) - now
  if (left <= 0) return 'the certificate has expired: clients refuse it'
  if (Date.parse(leaf.validFrom) > now) return 'the certificate is not valid yet: clients refuse it'
  return left < SOON_MS ? 'the certificate expires in less than 14 days' : ''
}
