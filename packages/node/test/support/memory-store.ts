import type { KeyValueStore } from '@vsmcp/kernel'

/** A store that lasts as long as the test, and can be spoilt. */
export class MemoryStore implements KeyValueStore {
  readonly values = new Map<string, Uint8Array>()

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.values.get(key)
  }

  async write(operations: Parameters<KeyValueStore['write']>[0]): Promise<void> {
    for (const operation of operations) {
      if (operation.type === 'put') this.values.set(operation.key, operation.value)
      else this.values.delete(operation.key)
    }
  }

  async *entries(): AsyncIterable<readonly [string, Uint8Array]> {
    yield* this.values
  }
}
