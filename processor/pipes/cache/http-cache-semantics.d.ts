// The part of http-cache-semantics 4.3 that is used; the package has no types of its own.
declare module 'http-cache-semantics' {
  interface Request {
    readonly method: string
    readonly headers: Readonly<Record<string, string>>
  }
  interface Response {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
  }
  interface Options {
    readonly shared?: boolean
    readonly cacheHeuristic?: number
    /** Milliseconds. */
    readonly immutableMinTimeToLive?: number
  }
  export default class CachePolicy {
    constructor(request: Request, response: Response, options?: Options)
    storable(): boolean
    /** Seconds for which the answer is fresh, counted from its birth. */
    maxAge(): number
  }
}
