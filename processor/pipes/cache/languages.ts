// Accept-Language as a wish (RFC 9110 section 12.5.4): its order says nothing, its weights do.

/** Languages in lower case by weight, the dearest first; what has weight 0 is left out. */
export function wantedLanguages(accept: string): readonly { readonly tag: string; readonly weight: number }[] {
  return accept
    .toLowerCase()
    .split(',', MOST)
    .flatMap((member) => {
      const [tag = '', ...parameters] = member.split(';').map((part) => part.trim())
      const given = parameters.find((parameter) => parameter.startsWith('q='))
      const weight = given === undefined ? 1 : Number(given.slice(2))
      return tag !== '' && weight > 0 ? [{ tag, weight }] : []
    })
    .sort((a, b) => b.weight - a.weight || (a.tag < b.tag ? -1 : 1))
}

const MOST = 50

/**
 * Whether an answer that was made for `stored` serves a client that sends `asked`: they want the same, or the answer is
 * in the one language that the client wants most. `language`: its Content-Language.
 */
export function languageServes(stored: string, asked: string, language: string | undefined): boolean {
  const wanted = wantedLanguages(asked)
  const made = wantedLanguages(stored)
  if (
    wanted.length === made.length &&
    wanted.every(({ tag, weight }, i) => tag === made[i]?.tag && weight === made[i].weight)
  )
    return true
  const [first, second] = wanted
  return first !== undefined && first.weight !== second?.weight && language?.toLowerCase() === first.tag
}
