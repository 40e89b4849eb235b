// What clients ask and instances answer, so that each side can tell a wrong byte of the other.

const ANSWER_BYTES = 1024
const BODY_BYTES = 256

export const PATH = '/jobs/'

export function answerTo(id: string): string {
  return id.padEnd(ANSWER_BYTES, '.')
}

/** Of a POST. */
export function bodyOf(id: string): string {
  return id.padEnd(BODY_BYTES, '-')
}
