// What a hostile case is: the bytes that one side sends, and what must come of them on the other.

/** Stands for the case's own id, which is as long, so that the lengths in a message stay right. */
export const CASE = '<case>'

/** What a whole request at an origin has to be. */
export interface Arrival {
  readonly method: string
  /** Any of these. */
  readonly target: string | readonly string[]
  readonly body?: string
  /** What X-Forwarded-Host says; undefined: there is none. */
  readonly host?: string | undefined | readonly (string | undefined)[]
  /** The service whose origin gets it. */
  readonly service?: string
  /** Field lines that must be there, `name: value`, and names that must not; in lower case. */
  readonly has?: readonly string[]
  readonly lacks?: readonly string[]
}

export type ClientStep =
  | string
  /** Goes on when this many answers of any kind have come, or the gateway has ended the connection. */
  | { readonly awaits: number }
  | 'fin'
  | 'reset'

/** What the origin does with the case's request. */
export interface Script {
  /** As soon as the head is there, or when the whole request is. */
  readonly at?: 'head' | 'end'
  /** `answered`: goes on when the client has its answer, or has gone. */
  readonly play: readonly (string | 'close' | 'reset' | 'answered' | 'turn')[]
}

export type Expectation =
  /** An error of the gateway's, then the end; nothing of it arrives but what stood `before`. */
  | 'refused'
  /** All of it arrives, and is answered. */
  | 'forwarded'
  /** Refused or forwarded: both are safe. */
  | 'either'
  /** The gateway answers by itself; nothing arrives. */
  | 'answered'
  /** All of it arrives, or the gateway answers by itself: with an error, but not because of the framing. */
  | 'forwarded or answered'
  /** The client leaves: nothing whole arrives. */
  | 'abandoned'
  /** The origin's answer is a 502 for the client. */
  | '502'
  /** It is cut off so that the client can tell. */
  | 'cut off'
  /** One of these two. */
  | 'no answer'
  /** The client gets what is in `shows`. */
  | 'passes'
  /** The client gets what is in `shows`, or no whole answer. */
  | 'passes or no answer'
  /** The client and the origin speak another protocol from here on, and `tunnel` is what they get of it. */
  | 'switches'

export interface Shown {
  readonly status: number
  readonly body?: string
  readonly has?: readonly string[]
  readonly lacks?: readonly string[]
}

export interface HostileCase {
  readonly name: string
  readonly send: readonly ClientStep[]
  readonly expect: Expectation
  /** Requests ahead of the odd one: they arrive in any case. */
  readonly before?: readonly Arrival[]
  /** What arrives if it is forwarded. */
  readonly arrives?: readonly Arrival[]
  /** Statuses that are right where it is refused or answered. */
  readonly status?: readonly number[]
  /** The origin may have seen the beginning of it, and its end never. */
  readonly breaksOff?: boolean
  /** The bytes leave in two pieces, of which this is the length of the first. */
  readonly splitAt?: number
  /** What the client's connection has to be afterwards; undefined: either. */
  readonly after?: 'open' | 'closed'
  readonly script?: Script
  readonly shows?: Shown
  /** Interim answers that the client gets, in order. */
  readonly interim?: readonly number[]
  /** Bytes that no client may see. */
  readonly poison?: string
  /** The origin's connection may carry nothing behind this request. */
  readonly retires?: boolean
  /** The route lets the client ask for another protocol. */
  readonly mayUpgrade?: boolean
  readonly tunnel?: { readonly toClient: string; readonly toOrigin: string }
}

/** A case that is about to run. */
export interface PreparedCase extends HostileCase {
  readonly id: string
}

export function withId(text: string, id: string): string {
  return text.replaceAll(CASE, id)
}

/** Bytes as text for people: what is not plain is escaped, what is long is cut in the middle. */
export function show(bytes: string, most = 700): string {
  const short =
    bytes.length <= most
      ? bytes
      : `${bytes.slice(0, most / 2)} … ${bytes.length - most} bytes … ${bytes.slice(-most / 2)}`
  return JSON.stringify(short).replace(
    /[\x7f-\xff]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
