// What follows what on a connection: the end of one request, the beginning of the next, and clients that leave in between.
import { cut, leavers, limits, ownAnswers, pipelines } from './cases/connections.js'
import { early100 } from './cases/early.js'
import { hostileClass } from './hostile.js'

hostileClass('a poisoned request ends its connection, and those before it are answered', pipelines)
hostileClass('an answer that comes early ends its connection', early100)
hostileClass('the body of a request that the gateway answers itself is no request', ownAnswers)
hostileClass('a request that is cut off never arrives whole', cut)
hostileClass('a client that leaves takes nothing along', leavers)
hostileClass('a request without measure is refused', limits)
