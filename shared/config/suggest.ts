// Guesses what a mistyped word was meant to be.

// Part of the product's vocabulary, but of no key or value that this version reads.
const UNSUPPORTED = new Set('sources grpc'.split(' '))

/** A hint for a word that is none of `known`: what it resembles, or that it is not supported; undefined if neither. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  const near = closest(word, known)
  if (near !== undefined) return `did you mean "${near}"?`
  return UNSUPPORTED.has(word) ? 'not supported by this version' : undefined
}

const LONGEST_WORD = 64

/** The one of `known` that `word` may be a misspelling of; undefined if there is none. */
export function closest(word: string, known: readonly string[]): string | undefined {
  if (word.length > LONGEST_WORD) return undefined
  const plain = (text: string) => text.toLowerCase().replace(/[-_\s]/g, '')
  const wanted = plain(word)
  let best: string | undefined
  let least = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const spelled = plain(candidate)
    if (Math.abs(spelled.length - wanted.length) >= least) continue
    const steps = distance(wanted, spelled)
    if (steps < least) [best, least] = [candidate, steps]
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function distance(a: string, b: string): number {
  let older: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let steps = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        steps = Math.min(steps, (older[j - 2] ?? 0) + 1)
      row.push(steps)
    }
    older = last
    last = row
  }
  return last[b.length] ?? 0
}
