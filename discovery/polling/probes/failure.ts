// Socket, DNS and TLS failures in words, and whose fault each one is.
import { ownFault, silent, wrong, type Finding } from './probe.js'

const SILENT: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ECONNABORTED: 'connection aborted',
  EPIPE: 'connection closed',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'no route to host',
  EHOSTDOWN: 'host is down',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'the name does not resolve',
}

// Nothing that the instance has done, or could mend.
const OURS: Readonly<Record<string, string>> = {
  EMFILE: 'too many open files in the discovery server',
  ENFILE: 'too many open files on the discovery server',
  EADDRNOTAVAIL: 'no local address or port left to connect from',
  EADDRINUSE: 'no local port left to connect from',
  ENOBUFS: 'no buffer space on the discovery server',
  ENOMEM: 'no memory left on the discovery server',
  EAGAIN: 'the discovery server is out of resources',
  EPERM: 'the discovery server may not connect there',
  EACCES: 'the discovery server may not connect there',
  EINVAL: 'the address is not valid here',
  EAFNOSUPPORT: 'the address family is not available here',
  EAI_AGAIN: 'the DNS resolver does not answer',
  EAI_MEMORY: 'no memory left to resolve the name',
}

const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  CERT_REVOKED: 'is revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'has a self-signed authority that is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'cannot be verified: its authority is not known',
  UNABLE_TO_GET_ISSUER_CERT: 'cannot be verified: its authority is not known',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'cannot be verified: its authority is not known',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name',
  HOSTNAME_MISMATCH: 'is for another name',
  CERT_UNTRUSTED: 'is not trusted',
  INVALID_PURPOSE: 'is not meant for a server',
  INVALID_CA: 'has an authority that is not one',
}

/** `error`: from a socket, a resolver, TLS or the HTTP parser. */
export function describeFailure(error: NodeJS.ErrnoException): Finding {
  const code = error.code ?? ''
  const ours = OURS[code]
  if (ours !== undefined) return ownFault(ours)
  const certificate = CERTIFICATE[code]
  if (certificate !== undefined) return wrong(`certificate ${certificate}`)
  if (code.startsWith('HPE_')) return wrong(`malformed answer: ${error.message.replace(/^Parse Error: /, '')}`)
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return wrong(`TLS handshake failed: ${code === 'EPROTO' ? tlsReason(error.message) : code}`)
  }
  return silent(SILENT[code] ?? (code || error.message))
}

/** The reason in OpenSSL's line, `…:SSL routines:ssl3_get_record:wrong version number:…`. */
function tlsReason(message: string): string {
  return /SSL routines:[^:]*:([^:]+)/.exec(message)?.[1] ?? 'protocol error'
}

/** Whether the process has run out of file descriptors. */
export function isOutOfFiles(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EMFILE' || error.code === 'ENFILE'
}
