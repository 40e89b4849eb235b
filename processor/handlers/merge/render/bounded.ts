// What is written may be far longer than what was read: names are repeated, lines are indented. It has an end.
import { Unreadable } from '../budget.js'

const MOST_WRITTEN = 128 * 2 ** 20

/** The text itself, while it is no longer than an answer may be. */
export function bounded(text: string): string {
  if (text.length > MOST_WRITTEN) throw new Unreadable('what was put together is too much to be written')
  return text
}
