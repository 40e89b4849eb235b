// What was read from a few files, read again when they change; a bad change leaves what there was.
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { readSmallFile } from '../../shared/config/small-file.js'

/** Or why the files cannot be used: in words that hold nothing of what is in them. */
export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string }

export type Look = 'same' | 'renewed' | 'refused'

export class Renewed<T> {
  /** From the newest files that were right; undefined while they have never been. */
  value: T | undefined
  /** Why the files were not used when they were read last. */
  reason = ''
  /** Of what `value` is from. */
  private digest = ''
  /** Of the files that were taken last, and of those that were refused last. */
  private taken = ''
  private refused = ''
  /** The reason that has been told, so that each is told once. */
  private told = ''

  /** Reads at once; without a value afterwards, `reason` says why. */
  constructor(
    readonly files: readonly string[],
    private readonly make: (contents: readonly Buffer[]) => Reading<T>,
  ) {
    if (!this.read()) this.told = this.reason
  }

  /**
   * Bad files are refused by the second look that finds them: who replaces two, one after the other, is not to be blamed
   * for the moment between.
   */
  async look(): Promise<Look> {
    // Taken before the files are read: what changes meanwhile is seen by the next look.
    const stamp = await stampOf(this.files)
    if (stamp === this.taken || (stamp === this.refused && this.told === this.reason)) return 'same'
    const before = this.digest
    if (this.read()) {
      this.taken = stamp
      this.refused = ''
      this.told = ''
      return this.digest === before ? 'same' : 'renewed'
    }
    const first = stamp !== this.refused
    this.refused = stamp
    if (first || this.told === this.reason) return 'same'
    this.told = this.reason
    return 'refused'
  }

  private read(): boolean {
    const contents: Buffer[] = []
    const digest = createHash('sha256')
    for (const file of this.files) {
      const found = readSmallFile(file)
      if (!found.ok) {
        this.reason = `${file}: ${found.message}`
        return false
      }
      contents.push(found.bytes)
      digest.update(`${found.bytes.length}:`).update(found.bytes)
    }
    const sum = digest.digest('hex')
    if (sum === this.digest) return true
    const made = this.make(contents)
    if (!made.ok) {
      this.reason = made.reason
      return false
    }
    this.digest = sum
    this.value = made.value
    return true
  }
}

/** Links are followed, so that a swapped one counts; the time of the last change tells what kept size and mtime. */
async function stampOf(files: readonly string[]): Promise<string> {
  const stamps = files.map(async (file) => {
    try {
      const { dev, ino, size, mtimeMs, ctimeMs } = await stat(file)
      return [dev, ino, size, mtimeMs, ctimeMs].join()
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    }
  })
  return (await Promise.all(stamps)).join(' ')
}
