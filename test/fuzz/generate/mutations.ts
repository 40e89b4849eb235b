// Small changes that turn a valid message into one that two readers might see in two ways.
import fc from 'fast-check'
import { among, choice, oneByte } from './weights.js'

type Mutation = (text: string) => string

/** Characters that mean something somewhere in a message, and their dangerous neighbours. */
const TELLING = [...'\r\n\t \0\x0b\x0c\x7f\x80\x85\xa0\xff:;,=+-_"\\/%#?@[]*.0179afAFxX']
const telling = choice([5, among(...TELLING)], [1, oneByte])

/** A place in a text that is not known yet. */
const place = fc.nat(0xffff)
const at = (text: string, where: number): number => where % (text.length + 1)

const insert = fc.tuple(place, telling).map(([where, byte]): Mutation => {
  return (text) => text.slice(0, at(text, where)) + byte + text.slice(at(text, where))
})

const remove = fc.tuple(place, choice([6, fc.constant(1)], [2, fc.integer({ min: 2, max: 30 })])).map(
  ([where, length]): Mutation =>
    (text) =>
      text.slice(0, at(text, where)) + text.slice(at(text, where) + length),
)

const replace = fc.tuple(place, telling).map(([where, byte]): Mutation => {
  return (text) => text.slice(0, at(text, where)) + byte + text.slice(at(text, where) + 1)
})

const flip = fc.tuple(place, fc.nat(7)).map(([where, bit]): Mutation => {
  return (text) => {
    const i = at(text, where)
    if (i === text.length) return text
    return text.slice(0, i) + String.fromCharCode(text.charCodeAt(i) ^ (1 << bit)) + text.slice(i + 1)
  }
})

const repeat = fc.tuple(place, fc.integer({ min: 1, max: 40 })).map(([where, length]): Mutation => {
  return (text) => {
    const i = at(text, where)
    return text.slice(0, i) + text.slice(i, i + length) + text.slice(i)
  }
})

const cut = place.map(
  (where): Mutation =>
    (text) =>
      text.slice(0, at(text, where)),
)

/** Changes the `which`th match of a pattern, counted round. */
function change(pattern: RegExp, which: number, by: (match: string) => string): Mutation {
  return (text) => {
    const found = [...text.matchAll(pattern)]
    const match = found[which % Math.max(1, found.length)]
    return match === undefined
      ? text
      : text.slice(0, match.index) + by(match[0]) + text.slice(match.index + match[0].length)
  }
}

const lineEnd = fc
  .tuple(fc.nat(40), among('\n', '\r', '\r\r\n', '\n\r', '\r\n\r\n', '', ' \r\n', '\r\n ', '\r\n\t', '\0\r\n', '\x85'))
  .map(([which, other]) => change(/\r\n/g, which, () => other))

const number = fc
  .tuple(
    fc.nat(20),
    among<Mutation>(
      (n) => String(Number(n) + 1),
      (n) => String(Math.max(0, Number(n) - 1)),
      (n) => `0${n}`,
      (n) => `00000000000000${n}`,
      (n) => `+${n}`,
      (n) => `-${n}`,
      (n) => ` ${n}`,
      (n) => `${n} `,
      (n) => `${n},${n}`,
      (n) => `0x${n}`,
      (n) => `${n}_0`,
      (n) => `${n}.0`,
      (n) => Number(n).toString(16),
      (n) => `${n}${n}`,
      () => '9007199254740991',
      () => '9007199254740992',
      () => '18446744073709551617',
      () => '',
    ),
  )
  .map(([which, by]) => change(/[0-9]+/g, which, by))

const colon = fc
  .tuple(fc.nat(20), among(' :', '\t:', ': ', ':\t', '::', '', ':\x0b', ':\xa0', '=', ':,', ': ,'))
  .map(([which, other]) => change(/:/g, which, () => other))

const letterCase = fc
  .nat(60)
  .map((which) =>
    change(/[A-Za-z]+/g, which, (word) => (word === word.toLowerCase() ? word.toUpperCase() : word.toLowerCase())),
  )

const hyphen = fc.nat(20).map((which) => change(/-/g, which, () => '_'))

/** Moves, doubles or drops whole lines. */
const lines = fc
  .tuple(fc.nat(30), fc.nat(30), among('double', 'swap', 'drop', 'move'))
  .map(([first, second, how]): Mutation => {
    return (text) => {
      const all = text.split('\r\n')
      const [i, j] = [first % all.length, second % all.length]
      const line = all[i] as string
      if (how === 'double') all.splice(j, 0, line)
      else if (how === 'drop') all.splice(i, 1)
      else if (how === 'move') all.splice(j, 0, ...all.splice(i, 1))
      else [all[i], all[j]] = [all[j] as string, line]
      return all.join('\r\n')
    }
  })

/** Puts another piece of HTTP somewhere, where a reader that lost count would take it for a message or a line. */
const splice = fc
  .tuple(
    place,
    among(
      '\r\nGET /spliced HTTP/1.1\r\nHost: h\r\n\r\n',
      'Content-Length: 5\r\n',
      'Transfer-Encoding: chunked\r\n',
      '\r\nTransfer-Encoding: chunked',
      '0\r\n\r\n',
      '5\r\n',
      '\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      ';a="\r\n',
      ', chunked',
    ),
  )
  .map(([where, piece]): Mutation => {
    return (text) => text.slice(0, at(text, where)) + piece + text.slice(at(text, where))
  })

const mutation = choice<Mutation>(
  [2, insert],
  [2, remove],
  [2, replace],
  [2, flip],
  [2, repeat],
  [2, cut],
  [3, lineEnd],
  [4, number],
  [2, colon],
  [3, letterCase],
  [1, hyphen],
  [5, lines],
  [3, splice],
)

/** Mostly none or one: two changes seldom meet, and a message with many is refused for the first. */
export function mutated(arbitrary: fc.Arbitrary<string>, untouched = 5): fc.Arbitrary<string> {
  const mutations = choice<readonly Mutation[]>(
    [untouched, fc.constant([])],
    [4, fc.array(mutation, { minLength: 1, maxLength: 1 })],
    [1, fc.array(mutation, { minLength: 2, maxLength: 4 })],
  )
  return fc.tuple(arbitrary, mutations).map(([text, changes]) => changes.reduce((t, apply) => apply(t), text))
}
