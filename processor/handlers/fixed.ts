// Answers with what the config says, without an instance.
import type { Core } from '../core.js'
import { reply } from '../engine/reply.js'
import type { Handler } from '../exchange.js'

export function createFixed(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
  core: Core,
): Handler {
  const fields = Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  return (exchange) => reply(exchange, status, fields, body, core.via)
}
