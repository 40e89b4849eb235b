// `not-found`: a page for requests that no route takes.
import type { NotFoundOptions } from '../../../shared/config/pipes/not-found.js'
import { createPage } from '../page.js'
import { definePipe } from '../pipe.js'

export default definePipe<NotFoundOptions>({
  create({ bodies, instances }) {
    const page = createPage(bodies)
    return {
      onResponse(x, answer) {
        const isMeant =
          answer.error === 'no-route' || (instances && answer.from === 'instance' && answer.status === 404)
        return isMeant ? page(x, answer) : undefined
      },
    }
  },
})
