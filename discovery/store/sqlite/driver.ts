// better-sqlite3 in the line that runs on this Node: 13 needs Node 22, and 12 aborts the process on Node 24.19 and later when
// the garbage collector frees a statement (its objects derive from a class of Node's that changed there).
import { createRequire } from 'node:module'
import type BetterSqlite3 from 'better-sqlite3'

export type Database = BetterSqlite3.Database

const load = createRequire(import.meta.url)
const major = Number(process.versions.node.split('.')[0])

export const Database = load(major >= 22 ? 'better-sqlite3' : 'better-sqlite3-node20') as typeof BetterSqlite3
