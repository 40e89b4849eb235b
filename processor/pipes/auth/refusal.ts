// What a client gets that may not pass, as the place in the config wants it.
import { ERRORS, type Code } from '../../../shared/errors.js'
import type { PipeExchange, Reply } from '../pipe.js'
import { refuse } from '../refusing.js'

export type Refuse = (x: PipeExchange, code: Code, detail: string, fields?: Readonly<Record<string, string>>) => Reply

/** `empty`: nothing but the head. `detail` never holds what the client sent as a secret. */
export function createRefuse(body: 'problem' | 'empty'): Refuse {
  if (body === 'problem') return refuse
  return (_x, code, _detail, fields = {}) => ({ status: ERRORS[code].status, headers: fields, error: code })
}

/** Too many checks run or wait already. */
export function refuseBusy(x: PipeExchange): Reply {
  return refuse(x, 'overload', 'too many requests are being checked at this moment', { 'Retry-After': '1' })
}
