// Finds objects in a JSON text that have two members of one name: which of them counts is another one for each reader.

const QUOTE = 34
const COLON = 58
const BACKSLASH = 92

/** `value` is what `text` was parsed to, where the later of two members has taken the place of the earlier. */
export function hasRepeatedNames(text: string, value: unknown): boolean {
  return membersIn(text) !== membersOf(value)
}

/** Each member has one colon outside of texts. */
function membersIn(text: string): number {
  let members = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === COLON) members++
    else if (unit === QUOTE) at = endOf(text, at)
  }
  return members
}

function endOf(text: string, opening: number): number {
  let at = opening + 1
  for (let unit = text.charCodeAt(at); at < text.length && unit !== QUOTE; unit = text.charCodeAt(at))
    at += unit === BACKSLASH ? 2 : 1
  return at
}

/** Without recursion: it may be nested as deeply as its length allows. */
function membersOf(value: unknown): number {
  let members = 0
  const open: unknown[] = [value]
  while (open.length > 0) {
    const one = open.pop()
    if (typeof one !== 'object' || one === null) continue
    const inside = Object.values(one)
    if (!Array.isArray(one)) members += inside.length
    for (const inner of inside) if (typeof inner === 'object') open.push(inner)
  }
  return members
}
