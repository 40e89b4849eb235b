// Every property, by its name.
import type { Case } from '../cases.js'
import { answerHeads } from './answer-heads.js'
import { chunkedBodies } from './chunked-bodies.js'
import { liveAnswers } from './live-answers.js'
import { liveRequests } from './live-requests.js'
import { liveSplits } from './live-splits.js'
import { pipelines } from './pipelines.js'
import type { Property } from './property.js'
import { requestHeads } from './request-heads.js'

/** A property is made of its own kind of case and is given no other. */
const loosely = <C extends Case>(property: Property<C>): Property => property as unknown as Property

/** The parsers alone, thousands of cases a second. */
export const PARSING = [loosely(requestHeads), loosely(answerHeads), loosely(chunkedBodies), loosely(pipelines)]

/** A gateway on real sockets, hundreds of cases a second. */
export const LIVE = [loosely(liveRequests), loosely(liveAnswers), loosely(liveSplits)]

export const ALL = [...PARSING, ...LIVE]
