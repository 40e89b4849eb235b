// Somebody else's request, before, beside and after a hostile one: it must get its own answer.
import assert from 'node:assert/strict'
import { readAnswers } from '../reference/messages.js'
import { RawClient } from './client.js'

let asked = 0

/** A target that no generated request has. */
export function innocentTarget(): string {
  return `/innocent/${asked++}`
}

export function isInnocent(target: string): boolean {
  return target.startsWith('/innocent/')
}

/** What an origin answers to an innocent request. */
export function innocentAnswer(target: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`
}

export function innocentRequest(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: innocent\r\n\r\n`
}

export async function askInnocently(port: number): Promise<void> {
  const client = new RawClient(port)
  try {
    await answeredInnocently(client, '')
  } finally {
    client.close()
  }
}

/** Asks on a connection that has had the answers in `before`. */
export async function answeredInnocently(client: RawClient, before: string): Promise<void> {
  const target = innocentTarget()
  await client.send([innocentRequest(target)])
  const answered = (text: string): boolean => readAnswers(text, { methods: ['GET'], ended: false }).messages.length > 0
  const { text } = await client.until((all) => answered(all.slice(before.length)), 'an innocent answer')
  const answers = readAnswers(text.slice(before.length), { methods: ['GET'], ended: false })
  assert.equal(answers.messages[0]?.body.content, target, `an innocent request was answered: ${JSON.stringify(text)}`)
  assert.equal(answers.end, text.length - before.length, 'more came than the innocent answer')
}
