import type { KeyValueStore, WriteOperation } from '@vsmcp/kernel'

/** Storage in memory that can fail as a disk does, and lose what was not fsynced as a power cut does. */
export class MemoryStore implements KeyValueStore {
  readonly values = new Map<string, Uint8Array>()
  readonly #unsynced: (readonly WriteOperation[])[] = []
  #durable = new Map<string, Uint8Array>()
  writes = 0
  syncs = 0
  /** While set, writes reject with it. */
  failure: Error | undefined
  /** Keys that cannot be read. */
  readonly damaged = new Set<string>()

  async get(key: string): Promise<Uint8Array | undefined> {
    await Promise.resolve()
    this.#check(key)
    return this.values.get(key)?.slice()
  }

  async write(operations: readonly WriteOperation[], options: { sync?: boolean } = {}): Promise<void> {
    await Promise.resolve()
    if (this.failure !== undefined) throw this.failure
    this.writes++
    apply(this.values, operations)
    this.#unsynced.push(operations)
    if (options.sync !== true) return
    this.syncs++
    for (const batch of this.#unsynced.splice(0)) apply(this.#durable, batch)
  }

  async *entries({
    gte,
    lt,
    reverse = false,
    onDamaged,
  }: Parameters<KeyValueStore['entries']>[0]): AsyncIterable<readonly [string, Uint8Array]> {
    await Promise.resolve()
    const keys = [...this.values.keys()].filter((key) => key >= gte && key < lt).sort()
    for (const key of reverse ? keys.toReversed() : keys) {
      if (onDamaged !== undefined && this.damaged.has(key)) {
        onDamaged(key, new Error(`checksum of ${key} does not fit`))
        continue
      }
      this.#check(key)
      const value = this.values.get(key)
      if (value !== undefined) yield [key, value.slice()]
    }
  }

  /** What a restart after a power cut finds, with `keepUnsynced` batches of what was not fsynced. */
  afterPowerCut(keepUnsynced = 0): MemoryStore {
    const store = new MemoryStore()
    const found = new Map(this.#durable)
    for (const batch of this.#unsynced.slice(0, keepUnsynced)) apply(found, batch)
    for (const [key, value] of found) store.values.set(key, value)
    store.#durable = new Map(found)
    return store
  }

  /** What a restart after SIGKILL finds: everything written. */
  afterKill(): MemoryStore {
    return this.afterPowerCut(Number.POSITIVE_INFINITY)
  }

  #check(key: string): void {
    if (this.damaged.has(key)) throw new Error(`checksum of ${key} does not fit`)
  }
}

function apply(values: Map<string, Uint8Array>, operations: readonly WriteOperation[]): void {
  for (const operation of operations) {
    if (operation.type === 'put') values.set(operation.key, operation.value.slice())
    else values.delete(operation.key)
  }
}
