// Through a real gateway: whatever an origin sends, the client hears that answer, a 502, or visibly less; and nobody after it
// hears any of it.
import assert from 'node:assert/strict'
import type { Cleanup } from '../../kit/process.js'
import { waitFor } from '../../kit/wait.js'
import { answerOptions, type AnswersCase, piecesOf, PROTOCOL, toBuffer } from '../cases.js'
import { answers } from '../generate/cases.js'
import type { AnswerHead } from '../reference/answer.js'
import { readAnswers, type Sequence } from '../reference/messages.js'
import { type Conversation, RawClient, turn } from '../wire/client.js'
import { type Due, dueOf } from '../wire/due.js'
import { heardRightly } from '../wire/heard.js'
import { answeredInnocently, askInnocently, innocentAnswer, isInnocent } from '../wire/innocent.js'
import { atRest, startLiveGateways } from '../wire/live.js'
import { type OriginConnection, startRecordingOrigin } from '../wire/origin.js'
import type { Check, Property } from './property.js'

export const liveAnswers: Property<AnswersCase> = {
  name: 'live-answers',
  suits: ({ kind }) => kind === 'answers',
  cases: answers,
  round: 200,
  start: startChecking,
}

/** What a client says in the other protocol: it must not be read as what it looks like. */
const FRAMES = 'GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n\0\xff'

interface Script {
  readonly pieces: readonly string[]
  readonly due: Due
}

async function startChecking(t: Cleanup): Promise<Check<AnswersCase>> {
  let script: Script | undefined
  let played: Promise<OriginConnection> | undefined
  const origin = await startRecordingOrigin(t, ({ message }, connection) => {
    const { target } = message.head
    if (isInnocent(target)) connection.socket.write(toBuffer(innocentAnswer(target)))
    else if (script !== undefined) played = play(connection, script)
  })
  const gateways = await startLiveGateways(t, origin.address, { retry: { attempts: 2 }, upgrade: [PROTOCOL] })
  return async (tried) => {
    const gateway = gateways(tried.gateway)
    const due = dueOf(tried)
    script = { pieces: piecesOf(tried), due }
    const client = new RawClient(gateway.port)
    try {
      await client.send([requestOf(tried)])
      const heard = await hear(client, tried, due)
      heardRightly(heard, tried, due)
      // What was sent behind the answer has arrived before somebody else asks.
      const connection = await played
      await turn()
      if (due.kind === 'switched') await tunnels(client, connection, due)
      else await goesOn(client, heard, tried)
    } finally {
      client.close()
    }
    await askInnocently(gateway.port)
    await atRest(gateway)
    assert.deepEqual(origin.unreadable, [])
    origin.forget()
    return due.kind === 'cut' ? 'open' : due.kind === 'refused' ? due.kind : 'valid'
  }
}

async function play(connection: OriginConnection, { pieces, due }: Script): Promise<OriginConnection> {
  const { socket } = connection
  connection.switched = due.kind === 'switched'
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await turn()
    if (!socket.destroyed) await new Promise<void>((resolve) => socket.write(toBuffer(piece), () => resolve()))
  }
  connection.spoiled = due.spoils
  if (due.end === 'fin') socket.end()
  if (due.end === 'reset' && !socket.destroyed) socket.resetAndDestroy()
  return connection
}

function requestOf({ method, minor, expects, asks }: AnswersCase): string {
  const upgrade = asks ? `Connection: Upgrade\r\nUpgrade: ${PROTOCOL}\r\n` : ''
  const expectation = expects ? 'Expect: 100-continue\r\n' : ''
  const body = method === 'POST' ? 'hi' : ''
  const length = method === 'POST' ? 'Content-Length: 2\r\n' : ''
  return `${method} /scripted HTTP/1.${minor}\r\nHost: h\r\n${upgrade}${expectation}${length}\r\n${body}`
}

/** After a second try there are twice as many interim answers. */
function readByClient(text: string, tried: AnswersCase, ended: boolean): Sequence<AnswerHead> {
  return readAnswers(text, { ...answerOptions(tried, ended), mostInterim: 1000 })
}

function hear(client: RawClient, tried: AnswersCase, due: Due): Promise<Conversation> {
  const enough = (text: string): boolean => {
    const { messages, ending, end } = readByClient(text, tried, false)
    if (ending === 'switched') return text.length - end >= due.tunnelled.length
    return messages.some(({ head }) => head.status >= 200)
  }
  return client.until(enough, 'the answer')
}

/** The connection is good for another request, if it was kept. */
async function goesOn(client: RawClient, { text }: Conversation, tried: AnswersCase): Promise<void> {
  const { messages, end } = readByClient(text, tried, false)
  const kept = messages.at(-1)?.head.close === false && tried.minor === 1
  if (!kept || client.heard.ended !== 'open') return
  assert.equal(end, text.length, `more than one answer: ${JSON.stringify(text)}`)
  await answeredInnocently(client, text)
}

/** The client's bytes reach the origin as they are, also where the origin has said its last. */
async function tunnels(client: RawClient, connection: OriginConnection | undefined, { end }: Due): Promise<void> {
  if (end === 'reset' || connection === undefined) return
  await client.send([FRAMES.slice(0, 5), FRAMES.slice(5)])
  await waitFor(() => connection.after.length >= FRAMES.length, { what: 'the bytes of another protocol' })
  assert.equal(connection.after, FRAMES)
}
