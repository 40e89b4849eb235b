// The options of `record`.
import { resolve } from 'node:path'
import { z } from 'zod'
import { count, nonEmpty, size } from '../schema/fields.js'
import { sizeBytes } from '../text/size.js'
import { builtIn } from './builtin.js'
import { ALWAYS_REDACTED, fieldNames, lowerNames } from './log.js'
import { part, readPart } from './traffic.js'

export interface RecordOptions {
  /** Absolute. */
  readonly file: string
  /** A longer file is set aside, and a new one begun. */
  readonly fileBytes: number
  /** Files that are kept beside the one that is written. */
  readonly keep: number
  /** Of each body; 0: none. */
  readonly bodyBytes: number
  /** Records that wait for the disk, in bytes, per worker; beyond it they are lost and counted. */
  readonly backlogBytes: number
  readonly redact: readonly string[]
  /** The same, of what other pipes of the config find credentials in. */
  readonly credentials: readonly string[]
  /** 0 to 1. */
  readonly share: number
}

const MiB = 1024 * 1024

const schema = z.strictObject({
  file: nonEmpty().meta({ description: 'File of JSON lines; relative to this file.' }),
  size: size(64 * 1024)
    .optional()
    .meta({ description: 'A longer file is set aside.', default: '64MiB' }),
  keep: count(0, 1000).optional().meta({ description: 'Files set aside that are kept.', default: 4 }),
  body: size(0, 16 * MiB)
    .optional()
    .meta({ description: 'Bytes of each body that are kept.', default: '4KiB' }),
  backlog: size(64 * 1024, 1024 * MiB)
    .optional()
    .meta({ description: 'What may wait for the disk, per worker; more is lost and counted.', default: '4MiB' }),
  redact: fieldNames()
    .optional()
    .meta({ description: 'More fields whose values are never kept; authorization and cookie never are.' }),
  share: part().optional().meta({ description: 'Share of the exchanges: 0 to 1, or text such as "10%".', default: 1 }),
})

export const record = builtIn({
  name: 'record',
  description: 'Keeps header fields and bodies of exchanges in a file.',
  schema,
  read(draft, _, { credentials, directory }): RecordOptions {
    return {
      file: resolve(directory, draft.file ?? 'exchanges.jsonl'),
      fileBytes: sizeBytes(draft.size ?? 64 * MiB) ?? 0,
      keep: draft.keep ?? 4,
      bodyBytes: sizeBytes(draft.body ?? 4096) ?? 0,
      backlogBytes: sizeBytes(draft.backlog ?? 4 * MiB) ?? 0,
      redact: [...new Set([...ALWAYS_REDACTED, ...lowerNames(draft.redact)])],
      credentials,
      share: readPart(draft.share) ?? 1,
    }
  },
})
