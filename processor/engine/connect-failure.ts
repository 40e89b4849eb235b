// Which failure it is when a connection to an instance cannot be made.
import type { Code } from '../../shared/errors.js'

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME|CRL|HOSTNAME/

/** `code`: of the system's or OpenSSL's error; empty where the other side just closed. `secure`: within a TLS handshake. */
export function connectFailure(code: string, secure: boolean): Code {
  switch (code) {
    case 'ECONNREFUSED':
      return 'connection-refused'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'EAI_NODATA':
      return 'dns-error'
    case 'ETIMEDOUT':
      return 'connect-timeout'
    case 'ECONNRESET':
    case 'EPIPE':
    case '':
      return secure ? 'tls-error' : 'connection-reset'
    default:
      // An alert is the other side's word about us.
      if (secure && code.includes('ALERT')) return 'tls-error'
      if (secure && CERTIFICATE.test(code)) return 'tls-certificate'
      return secure && /SSL|TLS|PROTO/.test(code) ? 'tls-error' : 'unreachable'
  }
}
