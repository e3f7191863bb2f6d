import type { KeyValueStore } from '@vsmcp/kernel'

/** A `KeyValueStore` that forgets with the process: for tests and simulations. Passes the same compliance suite as the disk. */
export function createMemoryStore(): KeyValueStore {
  const values = new Map<string, Uint8Array>()
  return {
    get(key) {
      return Promise.resolve(values.get(key)?.slice())
    },
    write(operations) {
      for (const operation of operations) {
        if (operation.type === 'put') values.set(operation.key, operation.value.slice())
        else values.delete(operation.key)
      }
      return Promise.resolve()
    },
    async *entries({ gte, lt, limit = Number.POSITIVE_INFINITY, reverse = false }) {
      const keys = [...values.keys()].filter((key) => compare(key, gte) >= 0 && compare(key, lt) < 0).sort(compare)
      if (reverse) keys.reverse()
      for (const key of keys.slice(0, limit)) {
        const value = values.get(key)
        if (value !== undefined) yield [key, value.slice()] as const
      }
    },
  }
}

/** UTF-8 byte order, which differs from UTF-16 order beyond the basic plane. */
function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
