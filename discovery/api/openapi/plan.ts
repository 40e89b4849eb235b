// Schemas of what a config would change, and of what is wrong with one.
import { array, count, flag, nullable, object, text, type Schema } from './schema.js'

const difference = object({ key: text, from: text, to: text }, ['from', 'to'])
const part = object({
  added: array(text),
  changed: array(object({ name: text, what: array(difference) })),
  removed: array(text),
})
const plan = object({
  services: part,
  instances: part,
  routes: part,
  listeners: part,
  settings: array(difference),
  workers: nullable(object({ from: count, to: count })),
  restart: array(text),
  blocked: array(text),
})

export const planSchemas: Readonly<Record<string, Schema>> = {
  Planned: object({ changed: flag, plan }),
  Reloaded: object({ changed: flag, plan, replaced_workers: object({ replaced: count, draining: count }) }, [
    'replaced_workers',
  ]),
  Purged: object({ answers: count, workers: count, silent: count, elsewhere: count }),
  ConfigFaults: object({
    type: text,
    title: text,
    status: count,
    detail: text,
    problems: array(object({ file: text, line: count, col: count, path: text, message: text, hint: nullable(text) })),
  }),
}
