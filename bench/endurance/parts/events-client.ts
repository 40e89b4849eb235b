// Readers of server-sent events: how long each event was on its way.
import net from 'node:net'
import { answerCalls } from './calls.js'

export interface EventsPlan {
  readonly port: number
  readonly path: string
  readonly streams: number
  /** How many events each stream has. */
  readonly events: number
}

export interface EventsSummary {
  /** From the request to the first event, the slowest stream. */
  readonly firstMs: number
  /** From an instance's write to our read, the slowest of the later events. */
  readonly laterMs: number
  /** The first event had come while its stream was still open, in so many streams. */
  readonly openAtFirst: number
  readonly received: number
}

interface StreamSummary {
  readonly firstMs: number
  readonly laterMs: number
  readonly openAtFirst: boolean
  readonly received: number
}

function read({ port, path, events }: EventsPlan): Promise<StreamSummary> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    const startedAt = performance.now()
    let text = ''
    let firstMs = Infinity
    let laterMs = 0
    let received = 0
    let openAtFirst = false
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      for (const [, sentAt = '0'] of text.matchAll(/data: (\d+)\n\n/g)) {
        if (received++ === 0) firstMs = performance.now() - startedAt
        else laterMs = Math.max(laterMs, Number(process.hrtime.bigint() - BigInt(sentAt)) / 1e6)
      }
      text = text.slice(text.lastIndexOf('\n\n') + 2)
      // One event alone cannot show that it was not held back until the others came.
      if (received > 0 && received < events) openAtFirst = true
      if (received === events) socket.destroy()
    })
    socket.on('close', () => resolve({ firstMs, laterMs, openAtFirst, received }))
    socket.write(`GET ${path} HTTP/1.1\r\nHost: events\r\nAccept: text/event-stream\r\n\r\n`)
  })
}

const calls = {
  async read(plan: EventsPlan): Promise<EventsSummary> {
    const streams = await Promise.all(Array.from({ length: plan.streams }, () => read(plan)))
    return {
      firstMs: Math.max(...streams.map(({ firstMs }) => firstMs)),
      laterMs: Math.max(...streams.map(({ laterMs }) => laterMs)),
      openAtFirst: streams.filter(({ openAtFirst }) => openAtFirst).length,
      received: streams.reduce((sum, { received }) => sum + received, 0),
    }
  },
}

export type EventsCalls = typeof calls
answerCalls(calls)
