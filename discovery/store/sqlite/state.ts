// State of instances in the database: compare-and-set by version.
import type { Database } from './driver.js'
import type { Health, Override } from '../../../shared/registry/instance.js'
import type { StoredInstance } from '../store.js'
import type { Names } from './names.js'

interface Row {
  readonly id: string
  readonly service: string
  readonly url: string
  readonly health: Health
  readonly since: number
  readonly override: Override | null
  readonly version: number
}

export interface State {
  load(): StoredInstance[]
  put(instances: readonly StoredInstance[], at: number): string[]
  remove(ids: readonly string[]): void
  nextTerm(atLeast: number): number
}

export function createState(db: Database, names: Names): State {
  const all = db.prepare<[], Row>('SELECT id, service, url, health, since, override, version FROM instance')
  const version = db.prepare<[string], number>('SELECT version FROM instance WHERE id = ?').pluck()
  const replace = db.prepare('INSERT OR REPLACE INTO instance VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  const drop = db.prepare<[string]>('DELETE FROM instance WHERE id = ?')
  const term = db.prepare<[], number>(`SELECT value FROM meta WHERE key = 'term'`).pluck()
  const setTerm = db.prepare<[number]>(`INSERT OR REPLACE INTO meta VALUES ('term', ?)`)

  return {
    load: () => all.all().map(({ override, ...rest }) => (override === null ? rest : { ...rest, override })),
    put(instances, at) {
      const lost: string[] = []
      for (const i of instances) {
        if ((version.get(i.id) ?? 0) !== i.version - 1) {
          lost.push(i.id)
          continue
        }
        // Retention finds what is stored through the names.
        names.number(i.id)
        replace.run(i.id, i.service, i.url, i.health, i.since, i.override ?? null, i.version, at)
      }
      return lost
    },
    remove(ids) {
      for (const id of ids) drop.run(id)
    },
    nextTerm(atLeast) {
      const next = Math.max((term.get() ?? 0) + 1, atLeast)
      setTerm.run(next)
      return next
    },
  }
}
