// Cursors of paged queries: a position, sealed with the query that it belongs to.
import { createHash } from 'node:crypto'
import { BadCursor } from './store.js'

const POSITION_BYTES = 8
const SEAL_BYTES = 8

/** `scope` is all that decides which rows a query walks: its kind and its filter. */
export function writeCursor(scope: readonly unknown[], position: number): string {
  const bytes = Buffer.alloc(POSITION_BYTES + SEAL_BYTES)
  bytes.writeBigInt64BE(BigInt(position))
  seal(scope, bytes.subarray(0, POSITION_BYTES)).copy(bytes, POSITION_BYTES)
  return bytes.toString('base64url')
}

/**
 * The position to go on below. Throws BadCursor for anything that `writeCursor` did not return for this scope. The seal
 * finds mistakes; it keeps no secret: a forged cursor would only name another position in rows that may be read anyway.
 */
export function readCursor(scope: readonly unknown[], cursor: string): number {
  const bytes = Buffer.from(cursor, 'base64url')
  const position = bytes.subarray(0, POSITION_BYTES)
  if (
    bytes.length !== POSITION_BYTES + SEAL_BYTES ||
    bytes.toString('base64url') !== cursor ||
    !seal(scope, position).equals(bytes.subarray(POSITION_BYTES))
  ) {
    throw new BadCursor('the cursor is not one of this query')
  }
  return Number(position.readBigInt64BE())
}

function seal(scope: readonly unknown[], position: Buffer): Buffer {
  return createHash('sha256').update(JSON.stringify(scope)).update(position).digest().subarray(0, SEAL_BYTES)
}
