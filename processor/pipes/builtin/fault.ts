// `fault`: delays or aborts requests, to test what becomes of their clients.
import type { FaultOptions } from '../../../shared/config/pipes/fault.js'
import { hasContent } from '../../engine/reply.js'
import { definePipe, type PipeExchange, type Reply } from '../pipe.js'

export default definePipe<FaultOptions>({
  create({ delay, abort, share, header }, tools) {
    function isMeant(x: PipeExchange): boolean {
      if (header !== undefined) {
        const value = x.headers.get(header.name)
        if (value === undefined || (header.value !== undefined && value !== header.value)) return false
      }
      return share >= 1 || Math.random() < share
    }

    const reply = abort === undefined ? undefined : answerOf(abort)

    return {
      onRequest(x) {
        if (!isMeant(x)) return undefined
        if (delay === undefined) return reply
        const ms = delay.leastMs + Math.random() * (delay.mostMs - delay.leastMs)
        return new Promise<Reply | undefined>((resolve) => tools.after(ms, () => resolve(reply)))
      },
    }
  },
})

function answerOf(status: number): Reply {
  if (!hasContent(status)) return { status }
  return {
    status,
    headers: { 'Content-Type': 'text/plain; charset=utf-8' },
    body: 'This answer was made by the pipe "fault" of the gateway.\n',
  }
}
