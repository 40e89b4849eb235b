// What the PEM files of a config hold: certificates that are whole, and keys that belong to them.
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { Fault } from './problem.js'

/** A certificate and its key, which belong together. */
export interface Pair {
  /** The certificate itself; those of the authorities between it and the root follow it in the file. */
  readonly leaf: X509Certificate
  /** Its DNS names, in lower case; those with a `*` as their first label among them. */
  readonly names: readonly string[]
}

export type PairRead = { readonly ok: true; readonly pair: Pair } | { readonly ok: false; readonly faults: PairFaults }

export interface PairFaults {
  readonly cert?: Fault
  readonly key?: Fault
}

/** Whether Node's TLS will take the two together; faults never hold anything of the files. */
export function readPair(cert: Buffer, key: Buffer): PairRead {
  const chain = readCertificates(cert)
  const secret = readKey(key)
  if ('message' in chain || 'message' in secret) {
    return {
      ok: false,
      faults: { ...('message' in chain && { cert: chain }), ...('message' in secret && { key: secret }) },
    }
  }
  const [leaf, ...others] = chain
  if (!leaf.checkPrivateKey(secret.key)) {
    const message = 'the key does not belong to the certificate'
    const later = others.some((other) => other.checkPrivateKey(secret.key))
    const hint = 'it belongs to a later one of the file: that must stand first'
    return { ok: false, faults: { key: later ? { message, hint } : { message } } }
  }
  try {
    createSecureContext({ cert, key, ca: [] })
  } catch (error) {
    return { ok: false, faults: { cert: { message: `TLS does not take the certificate: ${reasonOf(error)}` } } }
  }
  return { ok: true, pair: { leaf, names: dnsNames(leaf.subjectAltName ?? '') } }
}

/** What is wrong with a file of authorities to trust. */
export function authoritiesFault(pem: Buffer): Fault | undefined {
  const read = readCertificates(pem)
  return 'message' in read ? read : undefined
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g
const KEY = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/

function readCertificates(pem: Buffer): [X509Certificate, ...X509Certificate[]] | Fault {
  const text = pem.toString('latin1')
  try {
    const [first, ...others] = (text.match(CERTIFICATE) ?? []).map((block) => new X509Certificate(block))
    if (first) return [first, ...others]
  } catch {
    return { message: 'the file holds a broken certificate' }
  }
  if (KEY.test(text)) return { message: 'the file holds a key and no certificate', hint: 'are the two files swapped?' }
  return missing('certificate', pem, 'openssl x509 -inform DER -in FILE -out FILE.pem')
}

function readKey(pem: Buffer): { readonly key: KeyObject } | Fault {
  const text = pem.toString('latin1')
  if (!KEY.test(text)) {
    if (/-----BEGIN CERTIFICATE-----/.test(text))
      return { message: 'the file holds a certificate and no key', hint: 'are the two files swapped?' }
    return missing('private key', pem, 'openssl pkey -inform DER -in FILE -out FILE.pem')
  }
  if (/-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(text))
    return { message: 'the key is encrypted', hint: 'openssl pkey -in FILE -out PLAIN takes the passphrase off' }
  try {
    return { key: createPrivateKey(pem) }
  } catch {
    return { message: 'the file holds a broken key' }
  }
}

/** What begins as a sequence of ASN.1 is most likely the same without PEM around it. */
function missing(what: string, bytes: Buffer, remedy: string): Fault {
  const message = `the file holds no PEM ${what}`
  return bytes[0] === 0x30 ? { message, hint: `it looks like DER: ${remedy}` } : { message }
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && 'reason' in error) return String(error.reason)
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}

const NAME = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?$/

/** Of the text form of a subjectAltName. Node puts a name in quotes that could be taken for more than one entry. */
function dnsNames(subjectAltName: string): string[] {
  const entries = subjectAltName.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? []
  const names = entries.map((entry) => entry.trim()).filter((entry) => entry.startsWith('DNS:'))
  return names.map((name) => name.slice('DNS:'.length).toLowerCase()).filter((name) => NAME.test(name))
}
