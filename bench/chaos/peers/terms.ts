// What all proxies are told alike, each in its own words.

export const TERMS = {
  attempts: 3,
  connectMs: 500,
  /** From the request to the head of the answer. */
  perTryMs: 1000,
  totalMs: 5000,
  pollMs: 1000,
  pollTimeoutMs: 900,
  workers: 2,
}
