// A route that answers with what several requests to services bring, put together.
import type { RateLimitOptions } from './pipes/rate-limit.js'

export interface MergeConfig {
  /** In the order of the config: of two that bring the same field the later one's counts. */
  readonly parts: readonly PartConfig[]
  /** One after the other; a later one may use what earlier ones brought. */
  readonly sequential: boolean
  readonly output: Output
  readonly static?: StaticConfig
  /** Of what the parts brought, once it is together. */
  readonly flatmap: readonly FlatmapStep[]
  /** Lower case; `*`: all. Undefined: all. What is not listed does not pass. */
  readonly inputHeaders?: readonly string[]
  /** `*`: all. Undefined: all. */
  readonly inputQuery?: readonly string[]
  /** Of whole answers, in Cache-Control; 0: none. */
  readonly cacheSeconds: number
  /** Name of the field that says whether the answer is whole. */
  readonly completed: string
  /** An answer that fails says why. */
  readonly returnErrorMsg: boolean
  /** `strict`: services get the fields that are listed, and the client's address and host; nothing else. */
  readonly forwarding: 'native' | 'strict'
  /** For the whole answer. */
  readonly timeoutMs: number
  /** Of the client's body: a longer one is refused. 0: it passes on as it comes, where nothing keeps it from that. */
  readonly requestBytes: number
}

export type Output = 'json' | 'json-collection' | 'string' | 'xml' | 'yaml' | 'negotiate' | 'no-op'

export type Encoding = 'json' | 'safejson' | 'string' | 'xml' | 'rss' | 'no-op'

export type Strategy = 'always' | 'success' | 'errored' | 'complete' | 'incomplete'

/** Fields that are laid over the answer. */
export interface StaticConfig {
  readonly data: Readonly<Record<string, unknown>>
  readonly strategy: Strategy
}

/** One request to a service, and what of its answer is taken. */
export interface PartConfig {
  readonly service: string
  /** Undefined: the client's own. */
  readonly method?: string
  /** Path and query. */
  readonly path: readonly PathPiece[]
  readonly encoding: Encoding
  readonly isCollection: boolean
  /** Names that lead to the object that is taken; empty: all of it. */
  readonly target: readonly string[]
  /** Of several, each as the names that lead to it. In place of them where there is one: `flatmap`. */
  readonly allow: readonly (readonly string[])[]
  readonly deny: readonly (readonly string[])[]
  readonly mapping: readonly (readonly [from: string, to: string])[]
  readonly flatmap: readonly FlatmapStep[]
  /** Name under which its data stand; undefined: beside those of the others. */
  readonly group?: string
  /** As in the route, and of what passes there. */
  readonly inputHeaders?: readonly string[]
  readonly inputQuery?: readonly string[]
  /** Redirects are followed up to so many; 0: they are failures. */
  readonly redirects: number
  /** `status`: alone in its route, it passes its status on. `details`: it becomes data under `error_NAME`. */
  readonly onError: { readonly kind: 'fail' | 'status' } | { readonly kind: 'details'; readonly name: string }
  /** It is asked, and its answer is thrown away. */
  readonly shadow: boolean
  /** So many requests at once: the first whole answer counts. */
  readonly concurrentCalls: number
  /** Undefined: what there is for the route. */
  readonly timeoutMs?: number
  /** It is asked no more often than this; `name` tells limits apart. Undefined: as often as there are requests. */
  readonly limit?: { readonly name: string; readonly rule: RateLimitOptions['rule'] }
  /** A longer answer is a failure. */
  readonly answerBytes: number
  /** Conditions in CEL: the part fails where one does not hold. */
  readonly require: readonly PartCondition[]
  /** Of answers that are kept while they are fresh, in each worker; 0: none are. */
  readonly cacheBytes: number
  /** Where it stands in the config, if it keeps answers: the same in all workers. */
  readonly cachePlace?: string
}

interface PartCondition {
  readonly expression: string
  readonly dialect: 'serverpy' | 'krakend'
  /** Whether it looks at the answer. */
  readonly on: 'request' | 'response'
}

/** Text, or what stands in its place. */
export type PathPiece =
  | string
  | { readonly kind: 'parameter'; readonly name: string }
  /** Of the token that was verified. */
  | { readonly kind: 'claim'; readonly name: string }
  /** Of the answer of an earlier part, shadows not counted; without names the whole of its body. */
  | { readonly kind: 'answer'; readonly part: number; readonly names: readonly string[] }

/** `*` stands for any name or index. */
export type FlatmapStep =
  | { readonly type: 'move' | 'append'; readonly from: readonly string[]; readonly to: readonly string[] }
  | { readonly type: 'del'; readonly from: readonly string[] }
