// A short answer that is kept until it is whole: cut off half way, it can be tried again where a client would have seen half.
import type { Client } from '../exchange.js'

export class HeldAnswer {
  private readonly pieces: Buffer[] = []

  constructor(
    private readonly status: number,
    private readonly statusText: string,
    private readonly fields: string,
    private readonly keeps: boolean,
    private readonly options: string,
  ) {}

  keep(buf: Buffer, start: number, end: number): void {
    this.pieces.push(Buffer.from(buf.subarray(start, end)))
  }

  release(client: Client): void {
    client.writeHead(this.status, this.statusText, this.fields, this.keeps, this.options)
    const body = Buffer.concat(this.pieces)
    client.writeBody(body, 0, body.length)
  }
}
