// The contract of an importer: another gateway's config file as a native one, with nothing of it lost in silence.
import type { Document, Path } from '../document.js'
import type { Fault, Part } from '../problem.js'

export type ImportFormat = 'harbr-router' | 'krakend' | 'harp' | 'pipehub'

/** Each stands in a folder of its own, as `export const krakend: Importer` in `krakend/index.ts`, and is listed in `index.ts`. */
export interface Importer {
  readonly format: ImportFormat
  /** As people call it. */
  readonly title: string
  /** The keys of a file by which it is known to be in this format; none: it is not. */
  marks(data: Readonly<Record<string, unknown>>): readonly string[]
  /** Keys of the file whose content is only told of: no variable and no tag in it has to be known. */
  readonly told?: readonly string[]
  /**
   * Never throws, whatever `document.data` holds. It is an object that has `marks`, without broken syntax;
   * what it holds is not checked further, and must not be changed.
   */
  convert(document: Document): Imported
}

export type Imported =
  | {
      readonly ok: true
      /**
       * In the native full layout (`version: 1`), exactly as a user would write it: plain JSON data. It goes through the
       * ordinary parser, so it need not be checked here. Entries that are undefined count as absent.
       */
      readonly config: Readonly<Record<string, unknown>>
      /** Where in the source an entry of `config` comes from: what faults and warnings of the parser point at. */
      origin(path: Path): Path
      /** What has no counterpart. */
      readonly notes: readonly Note[]
      readonly comments: readonly Comment[]
    }
  | { readonly ok: false; readonly faults: readonly SourceFault[] }

/** Something in the source that does not work here, or not in the same way. Becomes a warning. */
export interface Note extends Fault {
  /** In the source. */
  readonly path: Path
  /** What to mark; a key that is not supported is marked at the key. */
  readonly part?: Part
  /** What is lost, or what is different. One sentence without a full stop. */
  readonly message: string
  /** What would replace it. */
  readonly hint: string
  /** The entry of `config` that it is written beside; without it, it stands at the top of the file. */
  readonly at?: Path
}

/** Text for people, written above an entry of `config`. Where an entry comes from need not be said: the writer does. */
export interface Comment {
  readonly path: Path
  readonly text: string
}

/** Why the source cannot be used at all. */
export interface SourceFault extends Fault {
  /** In the source. */
  readonly path: Path
  readonly part?: Part
}
