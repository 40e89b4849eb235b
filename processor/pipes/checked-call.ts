// A call as code of a pipe gives it: what it asks for may hold words of a client's, and must not become another request.
import type { Call } from '../call.js'
import { asBytes } from './as-bytes.js'
import type { Call as PipeCall } from './pipe.js'

const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}$/
/** Origin form (RFC 9112 section 3.2.1), with what browsers send unescaped as well. */
export const TARGET = /^\/[\x21\x22\x24-\x7e\x80-\xff]*$/
const FIELDS = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/
const FRAMING = /^(?:content-length|transfer-encoding|host):/im

/** Throws a TypeError for what cannot be asked. */
export function checkedCall(call: PipeCall): Call {
  const { body, ...rest } = call
  const { method, target, fields, mostBytes } = rest
  if (!METHOD.test(method)) throw new TypeError('the method of a call is a token, as GET is one')
  if (!TARGET.test(target))
    throw new TypeError('the target of a call begins with "/" and holds no spaces or control bytes')
  if (!FIELDS.test(fields)) throw new TypeError('the fields of a call are whole lines, each with its CRLF')
  if (FRAMING.test(fields))
    throw new TypeError("Host, Content-Length and Transfer-Encoding of a call are the gateway's own")
  if (!(mostBytes >= 0)) throw new TypeError('a call says how many bytes its answer may have')
  return body === undefined ? rest : { ...rest, body: asBytes(body) }
}
