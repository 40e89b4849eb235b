// How an answer's body passes to its client: as it came, with chunk framing put around it, or with it taken off.
import type { Client } from '../exchange.js'
import { ChunkScanner } from './chunked.js'

export interface Passage {
  /** Passes a piece on. False: its bytes must stay as they are until the client has taken them. */
  piece(client: Client, buf: Buffer, start: number, end: number): boolean
  /** What follows the last piece. */
  end(client: Client): void
}

/** Its bytes, framing and all. */
export const asItCame: Passage = {
  piece: (client, buf, start, end) => client.writeBody(buf, start, end),
  end() {},
}

/** A body that ends with its connection, for a client that needs to know where it ends (RFC 9112 section 7.1). */
export const inChunks: Passage = {
  piece(client, buf, start, end) {
    client.writeText(`${(end - start).toString(16)}\r\n`)
    const taken = client.writeBody(buf, start, end)
    client.writeText('\r\n')
    return taken
  },
  end: (client) => client.writeText('0\r\n\r\n'),
}

/** A chunked body for a client that knows no chunks. */
export function withoutChunks(): Passage {
  const scanner = new ChunkScanner()
  return {
    piece(client, buf, start, end) {
      let taken = true
      scanner.scan(buf, start, end, (from, to) => {
        taken = client.writeBody(buf, from, to) && taken
      })
      return taken
    },
    end() {},
  }
}
