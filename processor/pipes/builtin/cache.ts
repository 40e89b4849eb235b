// `cache`: stores answers and serves them again, as a shared cache by RFC 9111.
import type { CacheOptions } from '../../../shared/config/pipes/cache.js'
import { CachePipe } from '../cache/cache-pipe.js'
import { definePipe } from '../pipe.js'

export default definePipe<CacheOptions>({ create: (options, tools) => new CachePipe(options, tools) })
