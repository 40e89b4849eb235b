// How slow an endpoint is, as strategies should see it: it rises at once with a slow answer and falls only with time, so that
// one that stalls is avoided at its first slow answer, and tried again although nobody asked it meanwhile.

/** In so long a peak falls to 37 %; one twenty times slower than the others is tried again after three times that. */
const DECAY_MS = 5000
/** A clock that has not moved must not make an answer look as if there had been none. */
const LEAST_MS = 0.01

/** A peak as it counts `passedMs` after the answer that it was taken at. */
export function fallenLatency(latencyMs: number, passedMs: number): number {
  return latencyMs * Math.exp(-passedMs / DECAY_MS)
}

/** The peak after an answer that took `answerMs`, `passedMs` after the one before; `latencyMs`: the peak at that one, or 0. */
export function peakLatency(latencyMs: number, answerMs: number, passedMs: number): number {
  const latest = Math.max(answerMs, LEAST_MS)
  if (latest >= latencyMs) return latest
  const kept = Math.exp(-passedMs / DECAY_MS)
  return latencyMs * kept + latest * (1 - kept)
}
