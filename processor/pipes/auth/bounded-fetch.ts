// Asks a URL outside of the registry, with a bound on everything that its answer may cost.

export interface Fetched {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Headers
  readonly body: Buffer
}

export interface FetchLimits {
  readonly timeoutMs: number
  readonly mostBytes: number
  readonly signal?: AbortSignal
}

/** Redirects are not followed: they could lead anywhere. Rejects with an Error whose message says why, without the URL. */
export async function boundedFetch(
  url: string,
  headers: Headers | Record<string, string>,
  { timeoutMs, mostBytes, signal }: FetchLimits,
): Promise<Fetched> {
  const late = AbortSignal.timeout(timeoutMs)
  const over = signal === undefined ? late : AbortSignal.any([late, signal])
  try {
    const answer = await fetch(url, { headers, redirect: 'manual', signal: over })
    return { status: answer.status, headers: answer.headers, body: await readBounded(answer, mostBytes) }
  } catch (error) {
    if (late.aborted) throw new Error('no answer in time')
    throw error instanceof TooLong ? error : new Error(reasonOf(error))
  }
}

class TooLong extends Error {}

async function readBounded(answer: Response, mostBytes: number): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of answer.body ?? []) {
    bytes += (piece as Uint8Array).length
    // Leaving the loop gives the connection up.
    if (bytes > mostBytes) throw new TooLong('the answer is too large')
    pieces.push(piece as Uint8Array)
  }
  return Buffer.concat(pieces)
}

/** The code of the system, such as ECONNREFUSED: messages hold the address. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' ? code : 'the request failed'
}
