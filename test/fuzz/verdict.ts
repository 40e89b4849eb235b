// What the reference says of a case, in the words of the corpus.
import { answerOptions, type Case } from './cases.js'
import { readChunked } from './reference/chunks.js'
import { readAnswers, readRequests } from './reference/messages.js'

/** Such as `2 whole, refused`: how many messages, and how their sequence ends. */
export function verdictOf(tried: Case): string {
  switch (tried.kind) {
    case 'requests': {
      const { messages, ending } = readRequests(tried.bytes, tried)
      return `${messages.length} whole, ${ending}`
    }
    case 'answers': {
      const { messages, ending } = readAnswers(tried.bytes, answerOptions(tried, tried.end === 'fin'))
      return `${messages.length} whole, ${ending}`
    }
    case 'chunks': {
      const said = readChunked(tried.bytes, { of: tried.of, hop: tried.hop === '' ? [] : [tried.hop] })
      return said.kind === 'whole' ? `whole at ${said.end}` : said.kind
    }
  }
}
