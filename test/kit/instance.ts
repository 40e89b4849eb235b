// An instance of the registry with every key that does not matter to a test filled in.
import type { Instance } from '../../shared/registry/instance.js'

/** `name` is its id, url and host; it is `up` and of the service `s`, unless `more` says otherwise. */
export function instanceOf(name: string, more: Partial<Instance> = {}): Instance {
  return {
    id: name,
    service: 's',
    url: name,
    secure: false,
    host: name,
    port: 80,
    basePath: '',
    priority: 'unset',
    weight: 1,
    metadata: {},
    health: 'up',
    since: 0,
    ...more,
  }
}
