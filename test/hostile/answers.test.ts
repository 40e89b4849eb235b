// The other side: whatever an origin sends, a client gets a whole answer to its own request or sees that it has none.
import { answerChunks, answerLengths } from './cases/answer-framing.js'
import { answerCuts, answerHeads, interimAnswers } from './cases/answer-heads.js'
import { surplus } from './cases/surplus.js'
import { hostileClass } from './hostile.js'

hostileClass('an answer has one length or is a 502', answerLengths)
hostileClass('chunks of an answer that are none are not passed on as whole', answerChunks)
hostileClass('bytes that answer nothing reach nobody', surplus)
hostileClass('a malformed head of an answer is a 502', answerHeads)
hostileClass('interim answers have an end, and none switches protocols unasked', interimAnswers)
hostileClass('an answer that breaks off is seen to', answerCuts)
