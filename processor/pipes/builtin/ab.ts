// `ab`: divides clients among variants by weight; each keeps its variant for as long as the config has it.
import type { AbOptions, Variant } from '../../../shared/config/pipes/ab.js'
import { findCookie } from '../../balancing/cookies.js'
import { lineOf } from '../../field-lines.js'
import { definePipe, type Pipe, type PipeExchange } from '../pipe.js'
import { cookieLine, keyedPlace, PLACES, randomPlace } from '../split.js'
import { compileEdits } from './headers.js'

interface Chosen {
  readonly variant: Ready
  /** The client does not have its cookie yet. */
  readonly fresh: boolean
}

interface Ready {
  readonly name: string
  readonly service: string | undefined
  readonly edit: ReturnType<typeof compileEdits>
  /** Line of the answer that names it. */
  readonly mark: string
  /** Clients below this place, and not below an earlier one's, have it. */
  readonly edge: number
}

/** Two of these may be on the way of one exchange. */
let made = 0

export default definePipe<AbOptions>({
  create(options) {
    const { sticky, cookie, answerHeader } = options
    const variants = prepare(options)
    const byName = new Map(variants.map((variant) => [variant.name, variant]))
    const setCookie = cookieLine(cookie)
    const telling = sticky.by === 'cookie' || answerHeader !== undefined
    const key = `ab ${++made}`

    function choose(x: PipeExchange): Chosen {
      if (sticky.by === 'cookie') {
        const known = findCookie(x.headers.get('cookie') ?? '', cookie.name, (value) => byName.get(value))
        if (known !== undefined) return { variant: known, fresh: false }
      }
      const place = keyedPlace(sticky, cookie.name, x) ?? randomPlace()
      const variant = variants.find(({ edge }) => place < edge) ?? (variants.at(-1) as Ready)
      return { variant, fresh: sticky.by === 'cookie' }
    }

    const pipe: Pipe = {
      onRequest(x) {
        const chosen = choose(x)
        const { service, edit } = chosen.variant
        if (service !== undefined) x.sendTo(service)
        edit?.(x, x.headers)
        if (telling) x.state.set(key, chosen)
      },
    }
    if (telling)
      pipe.onResponse = (x, { headers }) => {
        const chosen = x.state.get(key) as Chosen | undefined
        if (chosen === undefined) return
        if (chosen.fresh) headers.text += setCookie(chosen.variant.name, x)
        headers.text += chosen.variant.mark
      }
    return pipe
  },
})

function prepare({ variants, requestHeader, answerHeader }: AbOptions): Ready[] {
  // A client of one variant does not have the fields of another for having sent them.
  const remove = variants.flatMap(({ headers }) => Object.keys(headers))
  const total = variants.reduce((sum, { weight }) => sum + weight, 0)
  let sum = 0
  return variants
    .filter(({ weight }) => weight > 0)
    .map((variant) => {
      sum += variant.weight
      return {
        name: variant.name,
        service: variant.service,
        edit: editOf(variant, requestHeader, remove),
        mark: answerHeader === undefined ? '' : lineOf(answerHeader, variant.name),
        edge: (sum / total) * PLACES,
      }
    })
}

function editOf({ name, headers }: Variant, requestHeader: string | undefined, remove: string[]): Ready['edit'] {
  const all = requestHeader === undefined ? headers : { ...headers, [requestHeader]: name }
  const set = Object.entries(all).map(([field, value]) => ({ name: field, value: [value] }))
  return compileEdits({ rename: [], remove, set, add: [] })
}
