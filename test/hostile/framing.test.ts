// Where a request ends: if two servers on its way disagree, the rest of one client's request becomes another's.
import { chunkEnds, chunkExtensions, chunkSizes } from './cases/chunks.js'
import { contentLength } from './cases/content-length.js'
import { trailers } from './cases/trailers.js'
import { transferEncoding } from './cases/transfer-encoding.js'
import { hostileClass } from './hostile.js'

hostileClass('a length has one reading or is refused', contentLength)
hostileClass('a transfer coding is exactly "chunked", and alone', transferEncoding)
hostileClass('the size of a chunk is a plain number', chunkSizes)
hostileClass('an extension of a chunk hides nothing', chunkExtensions)
hostileClass('the data of a chunk ends where its size says', chunkEnds)
hostileClass('a trailer says nothing that the head may not', trailers)
