// How large a report may be on the wire: the sender cuts by these numbers, the receiver refuses beyond them.

export const REPORT_LIMITS = {
  /** Of the whole body. */
  bodyBytes: 4 * 1024 * 1024,
  records: 2_000,
  counts: 4_000,
  suspects: 1_000,
  endpoints: 12_000,
  /** Names of pipes. */
  pipes: 500,
  /** Names of what one pipe counts, the two among them that are counted of every pipe. */
  pipeCounts: 64,
  /** Of a name, an id or an address, in characters. */
  nameLength: 1_024,
  pathLength: 16_384,
} as const

/** `<sender>:<number>`: a report whose number is not above the sender's last one has been counted already. */
export const REPORT_ID_HEADER = 'x-serverpy-report'
