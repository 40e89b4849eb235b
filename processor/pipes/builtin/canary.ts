// `canary`: sends a share of the clients to another service; a client stays where it is, and a growing share moves none back.
import type { CanaryOptions } from '../../../shared/config/pipes/canary.js'
import { findCookie } from '../../balancing/cookies.js'
import { lineOf } from '../../field-lines.js'
import { definePipe, type Pipe, type PipeExchange } from '../pipe.js'
import { cookieLine, keyedPlace, PLACES, randomPlace } from '../split.js'

type Choice = 'always' | 'never'

/** What this pipe has to tell the client in the answer. */
interface Chosen {
  readonly canary: boolean
  /** Where the client has to be given its place. */
  readonly place: number | undefined
}

/** Two of these may be on the way of one exchange. */
let made = 0

export default definePipe<CanaryOptions>({
  create(options) {
    const { service, sticky, override, answerHeader } = options
    const edge = Math.round(options.share * PLACES)
    const setCookie = cookieLine(options.cookie)
    const marks = answerHeader && { true: lineOf(answerHeader, 'canary'), false: lineOf(answerHeader, 'stable') }
    const telling = sticky.by === 'cookie' || marks !== undefined
    const counts = { canary: 0, stable: 0 }
    const key = `canary ${++made}`

    function choose(x: PipeExchange): Chosen {
      const wish = wishOf(x)
      if (wish !== undefined) return { canary: wish === 'always', place: undefined }
      const keyed = keyedPlace(sticky, service, x)
      const known = keyed ?? (sticky.by === 'cookie' ? cookiePlace(x, options.cookie.name) : undefined)
      const place = known ?? randomPlace()
      return { canary: place < edge, place: known === undefined && sticky.by === 'cookie' ? place : undefined }
    }

    function wishOf(x: PipeExchange): Choice | undefined {
      const { header, cookie } = override
      return (
        (header === undefined ? undefined : choiceOf(x.headers.get(header))) ??
        (cookie === undefined ? undefined : findCookie(x.headers.get('cookie') ?? '', cookie, choiceOf))
      )
    }

    const pipe: Pipe = {
      onRequest(x) {
        const chosen = choose(x)
        counts[chosen.canary ? 'canary' : 'stable']++
        if (chosen.canary) x.sendTo(service)
        if (telling) x.state.set(key, chosen)
      },
      metrics: () => counts,
    }
    if (telling)
      pipe.onResponse = (x, { headers }) => {
        const chosen = x.state.get(key) as Chosen | undefined
        if (chosen === undefined) return
        if (chosen.place !== undefined) headers.text += setCookie(String(chosen.place), x)
        if (marks) headers.text += marks[`${chosen.canary}`]
      }
    return pipe
  },
})

function choiceOf(value: string | undefined): Choice | undefined {
  return value === 'always' || value === 'never' ? value : undefined
}

function cookiePlace(x: PipeExchange, name: string): number | undefined {
  return findCookie(x.headers.get('cookie') ?? '', name, (value) =>
    /^\d{1,4}$/.test(value) ? Number(value) : undefined,
  )
}
