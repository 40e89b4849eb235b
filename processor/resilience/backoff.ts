// How long to wait before a request is tried once more: full jitter, so that those who failed together do not return together.
import type { RetryConfig } from '../../shared/config/model.js'

/**
 * Milliseconds before this retry; 1 is the first, which goes out at once: it goes to another instance, and most failures are
 * one instance's. Later ones wait for a time drawn evenly from 0 to `baseMs`, doubled each time, up to `mostMs`.
 */
export function backoffMs(retry: number, backoff: RetryConfig['backoff'], random: () => number): number {
  if (retry <= 1) return 0
  return random() * Math.min(backoff.mostMs, backoff.baseMs * 2 ** Math.min(retry - 2, 30))
}
