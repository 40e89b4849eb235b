// Asks another whether a request may pass, and fails closed: without an answer nothing does.
import { hash } from 'node:crypto'
import type { AuthForwardOptions } from '../../../shared/config/pipes/auth-forward.js'
import type { Code } from '../../../shared/errors.js'
import { ProxyError } from '../../../shared/errors.js'
import { lineOf } from '../../field-lines.js'
import { ownCopy } from '../aging.js'
import { createAuthority, type Judgement } from '../auth/authority.js'
import { createRemoval } from '../auth/claimed-fields.js'
import { createGate } from '../auth/gate.js'
import { Recent } from '../auth/recent.js'
import { refuseBusy } from '../auth/refusal.js'
import { definePipe, type PipeExchange, type Reply } from '../pipe.js'
import { refuse } from '../refusing.js'

interface Remembered {
  readonly lines: string
  /** Monotonic milliseconds. */
  readonly untilMs: number
}

const ASKED = { atOnce: 256, waiting: 1000, longestMs: 1000 }

export default definePipe<AuthForwardOptions>({
  create(options, tools) {
    const { answerFields, cache } = options
    const ask = createAuthority(options)
    const removeClaimed = createRemoval(answerFields)
    const gate = createGate(ASKED, () => tools.now())
    const remembered = new Recent<Remembered>(cache?.entries ?? 0)

    function keyOf(x: PipeExchange, fields: readonly string[]): string {
      const parts = [x.method, x.host, x.asked, ...fields.map((name) => x.headers.getAll(name))]
      return hash('sha256', JSON.stringify(parts), 'base64')
    }

    async function decide(x: PipeExchange, key: string): Promise<Reply | void> {
      let judgement: Judgement
      try {
        judgement = await ask(x)
      } catch (error) {
        if (error instanceof ProxyError && error.code === 'client-gone') throw error
        return refuse(x, 'no-instance', 'whether this request may pass could not be found out', { 'Retry-After': '1' })
      }
      const { status, fields, body } = judgement
      if (status >= 200 && status <= 299) {
        const lines = linesOf(judgement, answerFields)
        if (cache !== undefined) remembered.set(key, { lines: ownCopy(lines), untilMs: tools.now() + cache.ttlMs })
        removeClaimed(x.headers)
        x.headers.text += lines
        return undefined
      }
      const handed = status === 401 || status === 403 || (status >= 300 && status <= 399)
      if (!handed) return refuse(x, 'bad-answer', 'whether this request may pass was not answered')
      // The answer is this gateway's to the client, which has one id of it.
      fields.delete('x-request-id')
      fields.delete('trailer')
      return { status, lines: fields.text, body, ...codeOf(status) }
    }

    const judge = (x: PipeExchange, key: string): Promise<Reply | void> =>
      gate.enter(
        () => decide(x, key),
        () => refuseBusy(x),
      )

    return {
      onRequest(x) {
        // The question has what the client sent, the request to the instance has not.
        if (cache === undefined) return judge(x, '')
        const key = keyOf(x, cache.fields)
        const known = remembered.get(key)
        if (known === undefined || tools.now() >= known.untilMs) return judge(x, key)
        removeClaimed(x.headers)
        x.headers.text += known.lines
        return undefined
      },
    }
  },
})

function codeOf(status: number): { error?: Code } {
  if (status === 401) return { error: 'unauthenticated' }
  return status === 403 ? { error: 'forbidden' } : {}
}

function linesOf({ fields }: Judgement, names: readonly string[]): string {
  let lines = ''
  for (const name of names) for (const value of fields.getAll(name)) lines += lineOf(name, value)
  return lines
}
