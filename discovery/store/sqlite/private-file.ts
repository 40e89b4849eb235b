// Files that strangers on the same machine cannot read: the store holds paths of requests and addresses of clients.
import { closeSync, existsSync, openSync } from 'node:fs'

/**
 * Makes an empty file, which is a database to SQLite, unless there is one. SQLite itself would make one that all may read;
 * its companions get the rights of the file.
 */
export function makePrivate(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o640))
}
