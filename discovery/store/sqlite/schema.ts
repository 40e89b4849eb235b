// The tables, as steps from each version of the file to the next.
import type { Database } from './driver.js'
import { COUNT_WIDTH } from '../counts.js'

/** Marks a file as ours in its header, so that no other program's database is ever written to. */
export const APPLICATION_ID = 0x53727679

// A histogram as 18 plain columns: `ON CONFLICT DO UPDATE` adds to them without reading, decoding and encoding a blob,
// and a bucket that is zero (most are) costs one byte of the record's header.
const COUNTERS_1 = [
  'requests',
  'errors',
  'latency_sum',
  'latency_max',
  'bytes_in',
  'bytes_out',
  ...Array.from({ length: 6 }, (_, i) => `class${i}`),
  ...Array.from({ length: 18 }, (_, i) => `bucket${i}`),
]

/** Columns of a roll-up, in the order of `addCount`. */
export const COUNTERS: readonly string[] = COUNTERS_1

const counters1 = COUNTERS_1.map((name) => `${name} NOT NULL`).join(', ')

// Packets are clustered by their ring, so that a ring is read, and trimmed, as neighbours. Requests are kept in order
// of arrival, which is how they are mostly read; two indexes give the rings and the services. A position only ever
// rises inside its ring. Roll-ups lead with their time: each minute's rows are neighbours, written and pruned together.
const VERSION_1 = `
  PRAGMA application_id = ${APPLICATION_ID};
  CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
  CREATE TABLE name (no INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
  CREATE TABLE instance (
    id TEXT PRIMARY KEY, service TEXT NOT NULL, url TEXT NOT NULL, health TEXT NOT NULL, since INTEGER NOT NULL,
    override TEXT, version INTEGER NOT NULL, written INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE packet (
    ring INTEGER NOT NULL, pos INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,
    status INTEGER NOT NULL, response TEXT NOT NULL, latency REAL NOT NULL, tries INTEGER NOT NULL,
    PRIMARY KEY (ring, pos)
  ) WITHOUT ROWID;
  CREATE TABLE request (
    id INTEGER PRIMARY KEY, ring INTEGER NOT NULL, pos INTEGER NOT NULL, service INTEGER NOT NULL,
    instance INTEGER NOT NULL, route INTEGER NOT NULL, at INTEGER NOT NULL, request_id TEXT NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL, duration REAL NOT NULL,
    attempts INTEGER NOT NULL, bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL, error TEXT NOT NULL,
    client TEXT NOT NULL
  );
  CREATE UNIQUE INDEX request_ring ON request (ring, pos);
  CREATE INDEX request_service ON request (service);
  CREATE TABLE event (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, instance TEXT NOT NULL, service TEXT NOT NULL, kind TEXT NOT NULL,
    before TEXT NOT NULL, after TEXT NOT NULL, reason TEXT NOT NULL
  );
  CREATE INDEX event_instance ON event (instance);
  CREATE INDEX event_service ON event (service);
  CREATE TABLE minute (
    start INTEGER NOT NULL, service INTEGER NOT NULL, instance INTEGER NOT NULL, ${counters1},
    PRIMARY KEY (start, service, instance)
  ) WITHOUT ROWID;
  CREATE TABLE hour (
    start INTEGER NOT NULL, service INTEGER NOT NULL, instance INTEGER NOT NULL, ${counters1},
    PRIMARY KEY (start, service, instance)
  ) WITHOUT ROWID;
  CREATE TABLE total (
    no INTEGER PRIMARY KEY, service INTEGER NOT NULL, instance INTEGER NOT NULL, ${counters1},
    UNIQUE (service, instance)
  );
  CREATE INDEX total_instance ON total (instance);
`

/** Step `n` leads from version `n` to `n + 1`. A released step is never changed: add one. */
export const MIGRATIONS: readonly string[] = [VERSION_1]

/** Brings the file to the newest version, each step in a transaction of its own. */
export function migrate(db: Database, steps: readonly string[] = MIGRATIONS): void {
  for (let version = versionOf(db); version < steps.length; version++) {
    db.transaction(() => {
      db.exec(steps[version] ?? '')
      db.pragma(`user_version = ${version + 1}`)
    }).immediate()
  }
}

export function versionOf(db: Database): number {
  return Number(db.pragma('user_version', { simple: true }))
}

if (COUNTERS.length !== COUNT_WIDTH) throw new Error('the tables of roll-ups do not fit the counts: add a migration')
