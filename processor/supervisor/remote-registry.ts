// The registry of a discovery server elsewhere, followed over its change stream; the last snapshot is kept whatever happens to it.
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Purge } from '../../shared/processor.js'
import { apply } from '../../shared/registry/delta.js'
import { EMPTY_SNAPSHOT, type RegistrySource, type Snapshot } from '../../shared/registry/instance.js'
import { parseChangeLine, type ChangeLine } from './change-line.js'
import { createBackoff, createLink, type LinkDeps } from './discovery-link.js'

/** Three beats of discovery: a stream silent for so long is dead. */
const SILENCE_MS = 15_000
const SAY_AGE_MS = 60_000
/** Some 200,000 instances. */
const LONGEST_LINE = 64 * 1024 * 1024

export interface RemoteRegistryDeps extends LinkDeps {
  /** Stored answers are to go. Of purges while discovery was out of reach it is called afterwards. */
  onPurge?(purge: Purge): void
}

export interface RemoteRegistry extends RegistrySource {
  /** How long ago discovery was last heard of, in milliseconds; Infinity before the first time. */
  ageMs(): number
  close(): void
}

/**
 * Follows the discovery server at `url` until closed, through its restarts and absences. `current` is empty before the
 * first contact. Throws a TypeError for what is no http(s) URL.
 */
export function connectRegistry(url: string, deps: RemoteRegistryDeps): RemoteRegistry {
  const { clock, log } = deps
  const link = createLink(url, deps)
  const backoff = createBackoff(deps.random ?? Math.random)
  const listeners = new Set<(snapshot: Snapshot) => void>()
  let current = EMPTY_SNAPSHOT
  let heardAt = -Infinity
  let closed = false
  /** After a line that does not fit, what is held is no base for more. */
  let askWhole = true
  /** Number of the last purge that was heard of. */
  let purged = 0
  let troubled = false
  let saidAgeMs = 0
  let request: ClientRequest | undefined
  let cancelTimer: (() => void) | undefined

  /** For the log: -1 before the first contact. */
  const age = (): number => (heardAt === -Infinity ? -1 : Math.round(clock.now() - heardAt))

  function connect(): void {
    const query = String(
      new URLSearchParams({
        ...(!askWhole && { term: String(current.term), seq: String(current.seq) }),
        ...(deps.onPurge !== undefined && { purges: String(purged) }),
      }),
    )
    let over = false
    const fail = (reason: string) => {
      if (over || closed) return
      over = true
      cancelTimer?.()
      opened.destroy()
      const ageMs = age()
      // At once, and then every minute: the older the snapshot, the less its health means.
      if (!troubled || ageMs - saidAgeMs >= SAY_AGE_MS) {
        saidAgeMs = ageMs
        log.warn(
          { registry: link.name, reason, ageMs },
          'the discovery server is out of reach; the last snapshot stays',
        )
      }
      troubled = true
      cancelTimer = clock.after(backoff.next(), connect)
    }
    const listen = () => {
      cancelTimer?.()
      cancelTimer = clock.after(SILENCE_MS, () => fail(`nothing heard for ${SILENCE_MS} ms`))
    }
    const receive = (line: string) => {
      if (over || closed) return
      try {
        take(parseChangeLine(line))
      } catch (error) {
        askWhole = true
        fail(reasonOf(error))
      }
    }
    const opened = link.open(
      'GET',
      `api/v1/snapshot/changes${query && `?${query}`}`,
      { accept: 'application/x-ndjson' },
      (answer) => {
        if (answer.statusCode !== 200) return fail(`it answered ${answer.statusCode}`)
        // Every piece is a sign of life: a whole snapshot may take long on a thin line.
        answer.on('data', () => {
          if (!over && !closed) listen()
        })
        readLines(answer, receive, fail)
      },
    )
    request = opened
    opened.on('error', (error) => fail(error.message))
    listen()
    opened.end()
  }

  /** Throws where the change does not follow on what is held. */
  function take(change: ChangeLine): void {
    if (change.kind === 'purged') {
      purged = change.number
      for (const purge of change.purges) deps.onPurge?.(purge)
    } else if (change.kind !== 'beat') {
      const next = apply(current, change)
      if (next === undefined) throw new Error('a change is missing')
      askWhole = false
      publish(next)
    }
    const ageMs = age()
    heardAt = clock.now()
    backoff.reset()
    if (troubled) log.info({ registry: link.name, ageMs }, 'the discovery server is heard again')
    troubled = false
  }

  function publish(next: Snapshot): void {
    if (next.term === current.term && next.seq === current.seq) return
    current = Object.freeze(next)
    for (const listener of [...listeners]) {
      try {
        listener(next)
      } catch (error) {
        log.error({ reason: reasonOf(error) }, 'a listener of the registry threw')
      }
    }
  }

  connect()
  return {
    get current() {
      return current
    },
    subscribe(listener) {
      const own = (snapshot: Snapshot) => listener(snapshot)
      listeners.add(own)
      return () => listeners.delete(own)
    },
    ageMs: () => clock.now() - heardAt,
    close() {
      closed = true
      cancelTimer?.()
      request?.destroy()
      listeners.clear()
    },
  }
}

/** Whole lines of a bounded length; `fail` is called once for a line too long or an end of the stream. */
function readLines(answer: IncomingMessage, take: (line: string) => void, fail: (reason: string) => void): void {
  let parts: Buffer[] = []
  let length = 0
  answer.on('data', (chunk: Buffer) => {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, end))
      take(Buffer.concat(parts).toString())
      parts = []
      length = 0
      from = end + 1
    }
    length += chunk.length - from
    if (length > LONGEST_LINE) fail('a line is too long')
    else if (from < chunk.length) parts.push(chunk.subarray(from))
  })
  answer.on('error', (error) => fail(error.message))
  answer.on('close', () => fail('the stream ended'))
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
