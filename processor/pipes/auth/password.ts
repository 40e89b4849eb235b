// Checks passwords against what a config keeps of them, in a time that does not depend on how near a guess is.
import { createHash, scrypt, timingSafeEqual } from 'node:crypto'
import type { StoredPassword } from '../../../shared/config/pipes/stored-password.js'

export function matchesDigest(given: Buffer, { hash, value }: Extract<StoredPassword, { kind: 'digest' }>): boolean {
  return timingSafeEqual(createHash(hash).update(given).digest(), Buffer.from(value, 'base64'))
}

/** On another thread, and slow on purpose. */
export function matchesScrypt(given: Buffer, stored: Extract<StoredPassword, { kind: 'scrypt' }>): Promise<boolean> {
  const { cost, blockSize, parallelization } = stored
  const wanted = Buffer.from(stored.value, 'base64')
  // Node refuses what takes as much as `maxmem`; the config has bounded both.
  const options = { cost, blockSize, parallelization, maxmem: 128 * cost * blockSize * 2 + 1024 * 1024 }
  return new Promise((resolve, reject) => {
    scrypt(given, Buffer.from(stored.salt, 'base64'), wanted.length, options, (error, key) => {
      if (error) reject(error)
      else resolve(timingSafeEqual(key, wanted))
    })
  })
}
