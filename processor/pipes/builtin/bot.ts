// Refuses programs by what they call themselves in User-Agent.
import type { BotOptions } from '../../../shared/config/pipes/bot.js'
import { createSearch } from '../../../shared/config/pipes/linear-pattern.js'
import { ownCopy } from '../aging.js'
import { Recent } from '../auth/recent.js'
import { createRefuse } from '../auth/refusal.js'
import { definePipe } from '../pipe.js'

/** No browser has a longer name: it is refused without being looked at. */
const LONGEST_NAME = 1024
/** Names whose verdict is remembered: browsers have few. */
const REMEMBERED = 1000

export default definePipe<BotOptions>({
  create({ allow, deny, patterns, allowsEmpty, refusal }) {
    const refuse = createRefuse(refusal)
    const allowed = new Set(allow)
    const denied = new Set(deny)
    const isBot = createSearch(patterns)
    const verdicts = new Recent<boolean>(patterns.length > 0 ? REMEMBERED : 0)

    function passes(name: string): boolean {
      if (name === '') return allowsEmpty
      if (name.length > LONGEST_NAME) return false
      if (allowed.has(name)) return true
      if (denied.has(name)) return false
      if (patterns.length === 0) return true
      const known = verdicts.get(name)
      if (known !== undefined) return known
      const verdict = !isBot(name)
      verdicts.set(ownCopy(name), verdict)
      return verdict
    }

    return {
      onRequest(x) {
        if (passes(x.headers.get('user-agent') ?? '')) return undefined
        return refuse(x, 'forbidden', 'this program may not ask here')
      },
    }
  },
})
