// Follows chunked framing (RFC 9112 section 7.1) as its bytes pass: it says where the message ends and refuses what two
// readers could see in two ways. The bytes themselves travel on as they came.
import { COLON, CR, FIELD_VALUE, HEX, LF, SEMICOLON, TOKEN } from './bytes.js'
import * as fault from './fault.js'

const enum State {
  Size,
  Extension,
  SizeLf,
  Data,
  DataCr,
  DataLf,
  LineStart,
  Name,
  Value,
  LineLf,
  EndLf,
  Done,
}

/** Digits of the largest size: 13 hexadecimal digits hold 2^52 - 1, which a double holds too. */
const MOST_SIZE_DIGITS = 13
const MOST_EXTENSION_BYTES = 256
/** Over a whole message: a byte of data may not cost megabytes of extensions. */
const MOST_EXTENSIONS_BYTES = 16 * 1024
const MOST_TRAILER_BYTES = 8 * 1024

// RFC 9110 section 6.5.1: fields of framing, routing and authentication have no place in a trailer.
const FORBIDDEN_TRAILER =
  /^(content-length|transfer-encoding|host|connection|keep-alive|te|trailer|upgrade|content-type|content-encoding|content-range|authorization|proxy-.*|set-cookie|cookie|via|x-forwarded-.*|forwarded|expect|max-forwards|cache-control|range)$/i

export class ChunkScanner {
  private state = State.Size
  private left = 0
  private digits = 0
  private extension = 0
  private extensions = 0
  private trailer = 0
  private name = ''

  get done(): boolean {
    return this.state === State.Done
  }

  /**
   * Follows `buf` from `pos` to `end`. Returns the index up to which the bytes belong to this message (which may be
   * `end` with the message not `done`), or a fault. `data` is told the ranges of payload, where the framing has to go.
   */
  scan(buf: Uint8Array, pos: number, end: number, data?: (start: number, end: number) => void): number {
    while (pos < end) {
      if (this.state === State.Data) {
        const take = Math.min(this.left, end - pos)
        data?.(pos, pos + take)
        pos += take
        this.left -= take
        if (this.left === 0) this.state = State.DataCr
        continue
      }
      const byte = buf[pos++] as number
      const bad = this.step(byte)
      if (bad !== 0) return bad
      if (this.state === State.Done) return pos
    }
    return pos
  }

  private step(byte: number): number {
    switch (this.state) {
      case State.Size: {
        const digit = HEX[byte] as number
        if (digit !== 255) {
          if (++this.digits > MOST_SIZE_DIGITS) return fault.CHUNK_TOO_LARGE
          this.left = this.left * 16 + digit
          return 0
        }
        if (this.digits === 0) return fault.BAD_CHUNK_SIZE
        this.extension = 0
        if (byte === CR) this.state = State.SizeLf
        else if (byte === SEMICOLON) this.state = State.Extension
        else return byte === LF ? fault.BARE_LF : fault.BAD_CHUNK_SIZE
        return 0
      }
      case State.Extension:
        if (byte === CR) this.state = State.SizeLf
        else if (FIELD_VALUE[byte] === 0) return byte === LF ? fault.BARE_LF : fault.BAD_CHUNK_EXTENSION
        else if (++this.extension > MOST_EXTENSION_BYTES || ++this.extensions > MOST_EXTENSIONS_BYTES) {
          return fault.BAD_CHUNK_EXTENSION
        }
        return 0
      case State.SizeLf:
        if (byte !== LF) return fault.BARE_CR
        this.digits = 0
        this.state = this.left === 0 ? State.LineStart : State.Data
        return 0
      case State.DataCr:
        if (byte !== CR) return fault.BAD_CHUNK_END
        this.state = State.DataLf
        return 0
      case State.DataLf:
        if (byte !== LF) return fault.BAD_CHUNK_END
        this.state = State.Size
        return 0
      default:
        return this.trailerStep(byte)
    }
  }

  private trailerStep(byte: number): number {
    if (++this.trailer > MOST_TRAILER_BYTES) return fault.TRAILERS_TOO_LARGE
    switch (this.state) {
      case State.LineStart:
        if (byte === CR) this.state = State.EndLf
        else if (TOKEN[byte] === 1) {
          this.name = String.fromCharCode(byte)
          this.state = State.Name
        } else return byte === LF ? fault.BARE_LF : fault.BAD_TRAILER
        return 0
      case State.Name:
        if (TOKEN[byte] === 1) this.name += String.fromCharCode(byte)
        else if (byte === COLON && !FORBIDDEN_TRAILER.test(this.name)) this.state = State.Value
        else return fault.BAD_TRAILER
        return 0
      case State.Value:
        if (byte === CR) this.state = State.LineLf
        else if (FIELD_VALUE[byte] === 0) return byte === LF ? fault.BARE_LF : fault.BAD_TRAILER
        return 0
      case State.LineLf:
        if (byte !== LF) return fault.BARE_CR
        this.state = State.LineStart
        return 0
      case State.EndLf:
        if (byte !== LF) return fault.BARE_CR
        this.state = State.Done
        return 0
      default:
        return fault.BAD_TRAILER
    }
  }
}
