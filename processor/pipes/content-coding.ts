// Content codings: which one a client wants (RFC 9110 section 12.5.3), and the streams that make them.
import type { Duplex } from 'node:stream'
import * as zlib from 'node:zlib'
import type { Coding } from '../../shared/config/pipes/compress.js'

/** Entries of the field that are looked at. */
const MOST_ENTRIES = 20

/** The best of `offered`, of which the first is preferred; undefined: as it is, which any client takes that does not forbid it. */
export function chooseCoding(accepted: string, offered: readonly Coding[]): Coding | undefined {
  const qualities = new Map<string, number>()
  for (const entry of accepted.split(',', MOST_ENTRIES)) {
    const [name = '', ...parameters] = entry.split(';')
    qualities.set(name.trim().toLowerCase(), qualityOf(parameters))
  }
  let best: Coding | undefined
  let most = 0
  for (const coding of offered) {
    const quality =
      qualities.get(coding) ?? (coding === 'gzip' ? qualities.get('x-gzip') : undefined) ?? qualities.get('*') ?? 0
    if (quality > most) [best, most] = [coding, quality]
  }
  // Who says so rather has it as it is.
  return (qualities.get('identity') ?? 0) > most ? undefined : best
}

/** RFC 9110 section 12.4.2. What is malformed counts as not wanted. */
function qualityOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    // No pattern over what a client may fill with spaces: it would take the square of their number.
    const equals = parameter.indexOf('=')
    if (equals < 0 || parameter.slice(0, equals).trim().toLowerCase() !== 'q') continue
    const value = parameter.slice(equals + 1).trim()
    return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(value) ? Number(value) : 0
  }
  return 1
}

interface Zstd {
  createZstdCompress?(options: object): Duplex
}

const { createZstdCompress } = zlib as Zstd

/** Those that this Node has. */
export function available(codings: readonly Coding[]): Coding[] {
  return codings.filter((coding) => coding !== 'zstd' || createZstdCompress !== undefined)
}

/** 256 KiB: as much as a window of gzip's and brotli's together with their tables shall take. */
const BROTLI_WINDOW_BITS = 18

/** `flushing`: each piece goes out at once, for streams of events. */
export function createCompressor(coding: Coding, level: number | undefined, flushing: boolean): Duplex {
  const { constants } = zlib
  switch (coding) {
    case 'gzip':
      return zlib.createGzip({ level: level ?? 6, ...(flushing && { flush: constants.Z_SYNC_FLUSH }) })
    case 'br':
      return zlib.createBrotliCompress({
        params: {
          [constants.BROTLI_PARAM_QUALITY]: level ?? 4,
          [constants.BROTLI_PARAM_LGWIN]: BROTLI_WINDOW_BITS,
        },
        ...(flushing && { flush: constants.BROTLI_OPERATION_FLUSH }),
      })
    case 'zstd': {
      if (createZstdCompress === undefined) throw new TypeError('this Node has no zstd')
      const { ZSTD_c_compressionLevel: key = 100, ZSTD_e_flush: flush = 1 } = constants as unknown as Record<
        string,
        number
      >
      return createZstdCompress({ params: { [key]: level ?? 3 }, ...(flushing && { flush }) })
    }
  }
}
