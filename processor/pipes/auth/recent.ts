// A bounded map that forgets what was not asked for the longest.

export class Recent<V> {
  private readonly entries = new Map<string, V>()

  /** `most` 0: nothing is remembered. */
  constructor(private readonly most: number) {}

  get(key: string): V | undefined {
    const value = this.entries.get(key)
    if (value === undefined) return undefined
    // A map lists its entries in the order in which they came.
    this.entries.delete(key)
    this.entries.set(key, value)
    return value
  }

  set(key: string, value: V): void {
    if (this.most === 0) return
    this.entries.delete(key)
    if (this.entries.size >= this.most) {
      const oldest = this.entries.keys().next()
      if (oldest.done !== true) this.entries.delete(oldest.value)
    }
    this.entries.set(key, value)
  }

  delete(key: string): void {
    this.entries.delete(key)
  }

  clear(): void {
    this.entries.clear()
  }

  get size(): number {
    return this.entries.size
  }
}
