// `error`: pages in the place of the problems that the gateway tells of.
import type { ErrorOptions } from '../../../shared/config/pipes/error.js'
import { createPage } from '../page.js'
import { definePipe, type AnswerHead } from '../pipe.js'

export default definePipe<ErrorOptions>({
  create({ pages, instances }) {
    const ready = pages.map(({ bodies, ...which }) => ({ ...which, page: createPage(bodies) }))

    function fits({ statuses, codes }: (typeof ready)[number], { status, error }: AnswerHead): boolean {
      const isStatus = statuses.length === 0 || statuses.some(([from, to]) => status >= from && status <= to)
      return isStatus && (codes.length === 0 || (error !== undefined && codes.includes(error)))
    }

    return {
      onResponse(x, answer) {
        const { status, error, from } = answer
        const failed = error !== undefined || (instances && from === 'instance' && status >= 400)
        return failed ? ready.find((one) => fits(one, answer))?.page(x, answer) : undefined
      },
    }
  },
})
