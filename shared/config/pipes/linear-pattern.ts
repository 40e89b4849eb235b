// Matches patterns in a time that grows with the text times the pattern, whatever the text: no client can make it slow.
import type { Fault } from '../problem.js'
import { kindOf, readPattern, type CharacterSet, type Dialect, type Node } from './linear-syntax.js'

/** Of all patterns of one place together: the steps of one character of a text. */
const MOST_STEPS = 4000

const enum Op {
  Set,
  Either,
  Jump,
  Begin,
  End,
  Found,
}

interface Program {
  readonly ops: number[]
  /** Where to go on; of `Either` the first place. */
  readonly to: number[]
  readonly other: number[]
  readonly sets: (CharacterSet | undefined)[]
}

class TooLong extends Error {}

/** What is wrong with a pattern; undefined for one that can be matched. */
export function linearPatternFault(pattern: string, dialect: Dialect = 'fields'): Fault | undefined {
  const read = readPattern(pattern, dialect)
  if ('fault' in read) return read.fault
  return linearPatternsFault([pattern], dialect)
}

/** What is wrong with patterns, each of which is right by itself. */
export function linearPatternsFault(patterns: readonly string[], dialect: Dialect = 'fields'): Fault | undefined {
  try {
    compile(patterns, dialect)
    return undefined
  } catch (error) {
    if (!(error instanceof TooLong)) throw error
    return { message: 'too much to be matched', hint: 'smaller numbers of repetitions, or fewer patterns' }
  }
}

/** The steps that one character of a text may take. */
export function stepsOf(pattern: string, dialect: Dialect): number {
  return compile([pattern], dialect).ops.length
}

/** Whether one of the patterns is found in a text. Throws for patterns that have faults. */
export function createSearch(patterns: readonly string[], dialect: Dialect = 'fields'): (text: string) => boolean {
  if (patterns.length === 0) return () => false
  const { ops, to, other, sets } = compile(patterns, dialect)
  // A place is on a list when its mark has the list's number.
  const marks = new Uint32Array(ops.length)
  let now = new Int32Array(ops.length)
  let next = new Int32Array(ops.length)
  // Each place is put there at most twice for one list: by the two ways that lead to it.
  const open = new Int32Array(2 * ops.length + 2)
  let round = 0
  let found = false

  /** Adds what can be reached from `start` without a character. Returns the new length of the list. */
  function add(list: Int32Array, length: number, start: number, atBegin: boolean, atEnd: boolean): number {
    let end = length
    let top = 0
    open[top++] = start
    while (top > 0) {
      const place = open[--top] as number
      if (marks[place] === round) continue
      marks[place] = round
      switch (ops[place]) {
        case Op.Set:
          list[end++] = place
          break
        case Op.Found:
          found = true
          break
        case Op.Either:
          open[top++] = other[place] as number
          open[top++] = to[place] as number
          break
        case Op.Begin:
          if (atBegin) open[top++] = to[place] as number
          break
        case Op.End:
          if (atEnd) open[top++] = to[place] as number
          break
        default:
          open[top++] = to[place] as number
      }
    }
    return end
  }

  return (text) => {
    found = false
    let length = 0
    begin()
    for (let at = 0; ;) {
      length = add(now, length, 0, at === 0, at === text.length)
      if (found || at === text.length) return found
      begin()
      const point = text.codePointAt(at) as number
      const kind = kindOf(point)
      at += point > 0xffff ? 2 : 1
      let followers = 0
      for (let i = 0; i < length; i++) {
        const place = now[i] as number
        if (sets[place]?.[kind] === 1) followers = add(next, followers, to[place] as number, false, at === text.length)
      }
      ;[now, next] = [next, now]
      length = followers
    }
  }

  function begin(): void {
    if (++round < 2 ** 32) return
    marks.fill(0)
    round = 1
  }
}

function compile(patterns: readonly string[], dialect: Dialect): Program {
  const program: Program = { ops: [], to: [], other: [], sets: [] }
  const parts = patterns.map((pattern): Node => {
    const read = readPattern(pattern, dialect)
    if ('fault' in read) throw new TypeError(read.fault.message)
    return read.node
  })
  emit({ kind: 'any', parts }, program)
  put(program, Op.Found)
  return program
}

function put({ ops, to, other, sets }: Program, op: Op, set?: CharacterSet): number {
  if (ops.length >= MOST_STEPS) throw new TooLong()
  const place = ops.push(op) - 1
  to.push(place + 1)
  other.push(place + 1)
  sets.push(set)
  return place
}

function emit(node: Node, program: Program): void {
  switch (node.kind) {
    case 'set':
      put(program, Op.Set, node.set)
      break
    case 'begin':
      put(program, Op.Begin)
      break
    case 'end':
      put(program, Op.End)
      break
    case 'all':
      for (const part of node.parts) emit(part, program)
      break
    case 'any':
      emitChoice(node.parts, program)
      break
    case 'repeat':
      emitRepeat(node, program)
  }
}

function emitChoice(parts: readonly Node[], program: Program): void {
  const ends: number[] = []
  parts.forEach((part, i) => {
    if (i === parts.length - 1) return emit(part, program)
    const fork = put(program, Op.Either)
    emit(part, program)
    ends.push(put(program, Op.Jump))
    program.other[fork] = program.ops.length
  })
  for (const end of ends) program.to[end] = program.ops.length
}

function emitRepeat({ of, least, most }: Extract<Node, { kind: 'repeat' }>, program: Program): void {
  for (let i = 0; i < least; i++) emit(of, program)
  if (most === Infinity) {
    const fork = put(program, Op.Either)
    emit(of, program)
    program.to[put(program, Op.Jump)] = fork
    program.other[fork] = program.ops.length
    return
  }
  const forks: number[] = []
  for (let i = least; i < most; i++) {
    forks.push(put(program, Op.Either))
    emit(of, program)
  }
  for (const fork of forks) program.other[fork] = program.ops.length
}
