// Makes the model immutable all the way down.

/** Freezes plain data in place. What is frozen already is taken to be frozen whole. */
export function deepFreeze<T>(data: T): T {
  if (typeof data !== 'object' || data === null || Object.isFrozen(data)) return data
  Object.freeze(data)
  for (const value of Object.values(data)) deepFreeze(value)
  return data
}
