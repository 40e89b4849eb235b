// A native config that was made from another gateway's file, as a document whose places are in that file.
import { valueAt, type Document } from '../document.js'
import { isObject } from '../reader.js'
import type { Imported } from './import.js'

type Made = Extract<Imported, { ok: true }>

export function nativeDocument({ config, origin }: Made, source: Document): Document {
  // A copy without holes and without shared parts: the parser takes out what it rejects.
  const data: unknown = JSON.parse(JSON.stringify(config))
  return {
    file: source.file,
    data,
    problems: source.problems,
    duplicates: [],
    place(path, part) {
      const from = origin(path)
      // What was made from a whole block is found by the block's key.
      return source.place(from, isObject(source.value(from)) ? 'key' : part)
    },
    value: (path) => valueAt(data, path),
    template: (path) => source.template(origin(path)),
    isBroken: (path) => source.isBroken(origin(path)),
    // Messages name the entry that the reader of the file will find there.
    shown: (path) => origin(path),
  }
}
