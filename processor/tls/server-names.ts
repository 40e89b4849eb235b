// Which of several certificates a client gets by the name that it asks for.

export interface Named<T> {
  /** Lower case; `*.example.org` takes one label. */
  readonly hosts: readonly string[]
  readonly value: T
}

/** Of two with the same host the first has it. The returned function: exact before wildcard; undefined for neither. */
export function createServerNames<T>(all: readonly Named<T>[]): (name: string) => T | undefined {
  const exact = new Map<string, T>()
  const below = new Map<string, T>()
  for (const { hosts, value } of all) {
    for (const host of hosts) {
      const [names, name] = host.startsWith('*.') ? [below, host.slice(2)] : [exact, host]
      if (!names.has(name)) names.set(name, value)
    }
  }
  return (asked) => {
    const name = asked.toLowerCase()
    const found = exact.get(name)
    if (found !== undefined) return found
    const dot = name.indexOf('.')
    return dot > 0 ? below.get(name.slice(dot + 1)) : undefined
  }
}
