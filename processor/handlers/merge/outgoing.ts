// What stands between a part and the service that it asks: conditions that must hold, and answers that are still fresh.
// What they need is loaded where some config asks for it, and nowhere else.
import type { PartConfig } from '../../../shared/config/merge-model.js'
import { ProxyError } from '../../../shared/errors.js'
import type { Answer, Call, Calling, Passing } from '../../call.js'
import type { Core } from '../../core.js'
import type { Exchange } from '../../exchange.js'
import type { AnswerHead, PipeExchange } from '../../pipes/pipe.js'
import type { PartCache } from './part-cache.js'
import type { PartPeers } from './part-peers.js'
import { RequestSide } from '../../pipes/request-side.js'

/** `passing`: an answer is taken as it comes only where nothing here looks at it. */
export type Outgoing = (call: Call, exchange: Exchange, passing?: Passing) => Calling

interface OutgoingDeps {
  readonly core: Pick<Core, 'wheel' | 'deps'>
  readonly call: Outgoing
}

export function createOutgoing(part: PartConfig, deps: OutgoingDeps): Outgoing {
  const asked = part.cacheBytes === 0 ? deps.call : fromCache(part, deps)
  return part.require.length === 0 ? asked : behindChecks(part.require, asked, deps)
}

function fromCache(part: PartConfig, { core: { wheel }, call: ask }: OutgoingDeps): Outgoing {
  const loading = loadCache(part, () => wheel.now())
  return (call, exchange) =>
    later(
      () => ask(call, exchange),
      async (begin) => {
        const { cache, peers } = await loading
        const here = cache.find(call, wheel.now())
        if (here !== undefined) return here
        await peers.fetch(call)
        const askedAt = wheel.now()
        const given = cache.find(call, askedAt)
        if (given !== undefined) return given
        const answer = await begin()
        const kept = cache.keep(call, answer, { askedAt, answeredAt: wheel.now(), wallMs: Date.now() })
        peers.came(call, kept)
        return answer
      },
    )
}

async function loadCache(part: PartConfig, now: () => number): Promise<{ cache: PartCache; peers: PartPeers }> {
  const [{ createPartCache }, { createPartPeers }] = await Promise.all([
    import('./part-cache.js'),
    import('./part-peers.js'),
  ])
  const cache = createPartCache(part.cacheBytes)
  return { cache, peers: createPartPeers(part, cache, now) }
}

function behindChecks(require: PartConfig['require'], ask: Outgoing, { core }: OutgoingDeps): Outgoing {
  const loading = load(require, core)
  return (call, exchange, passing) => {
    const x = exchange.pipes ?? new View(exchange, core as Core)
    return later(
      () => ask(call, exchange, passing),
      async (begin) => {
        const { before, after } = await loading
        refuse(before(x))
        const answer = await begin()
        // What has failed by itself needs no other reason.
        if (answer.status === 200 || answer.status === 201) refuse(after(x, headOf(answer)))
        return answer
      },
    )
  }
}

/** A call that may be made later, or not at all. */
function later(ask: () => Calling, run: (begin: () => Promise<Answer>) => Promise<Answer>): Calling {
  let calling: Calling | undefined
  let cancelled = false
  const begin = (): Promise<Answer> => {
    calling = ask()
    if (cancelled) calling.cancel()
    return calling.answer
  }
  return {
    answer: run(begin),
    cancel() {
      cancelled = true
      calling?.cancel()
    },
  }
}

function refuse(reason: string | undefined): void {
  if (reason !== undefined) throw new ProxyError('merge-failed', 'internal', 'never', reason)
}

/** Undefined: all of them hold. */
type Check = (x: PipeExchange, answer?: AnswerHead) => string | undefined

async function load(
  require: PartConfig['require'],
  core: OutgoingDeps['core'],
): Promise<{ before: Check; after: Check }> {
  const { compileCondition } = await import('../../pipes/cel.js')
  const side = (on: 'request' | 'response'): Check => {
    const conditions = require
      .filter((one) => one.on === on)
      .map(({ expression, dialect }) => compileCondition(expression, core.deps.log, dialect, false))
    return (x, answer) => {
      const failed = conditions.findIndex((holds) => !holds(x, answer))
      return failed < 0 ? undefined : `request aborted by evaluator #${failed}`
    }
  }
  return { before: side('request'), after: side('response') }
}

/** As much of an answer's head as a condition looks at. */
function headOf({ status, fields, body }: Answer): AnswerHead {
  return { status, headers: fields, body, from: 'instance' } as unknown as AnswerHead
}

/** A request without pipes, as a condition sees it. */
class View extends RequestSide {
  call(): Calling {
    throw new TypeError('a condition asks nobody')
  }

  stuck(): void {
    throw new TypeError('a condition runs no code of a pipe')
  }
}
