import { byCodeUnit } from '../json/json.ts'

/** Buckets of a table: ten thousand records make about forty in each, so that a change copies some three hundred slots. */
const BUCKETS = 256

/** FNV-1a, 32 bits (Fowler, Noll, Vo), folded to a bucket. */
function bucketOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return ((hash >>> 24) ^ (hash >>> 16) ^ (hash >>> 8) ^ hash) & (BUCKETS - 1)
}

/**
 * Records by key that are never changed, only replaced: `with` and `without` give a new table that shares all untouched
 * buckets with the old one. Iteration is in key order, so that every node writes the same snapshot.
 */
export class Table<V> {
  readonly #buckets: readonly (ReadonlyMap<string, V> | undefined)[]
  readonly size: number

  private constructor(buckets: readonly (ReadonlyMap<string, V> | undefined)[], size: number) {
    this.#buckets = buckets
    this.size = size
  }

  static empty<V>(): Table<V> {
    return new Table<V>([], 0)
  }

  static from<V>(records: Iterable<readonly [string, V]>): Table<V> {
    const buckets: Map<string, V>[] = []
    let size = 0
    for (const [key, value] of records) {
      const bucket = (buckets[bucketOf(key)] ??= new Map<string, V>())
      if (!bucket.has(key)) size++
      bucket.set(key, value)
    }
    return new Table<V>(buckets, size)
  }

  get(key: string): V | undefined {
    return this.#buckets[bucketOf(key)]?.get(key)
  }

  has(key: string): boolean {
    return this.#buckets[bucketOf(key)]?.has(key) ?? false
  }

  with(key: string, value: V): Table<V> {
    const slot = bucketOf(key)
    const bucket = new Map(this.#buckets[slot])
    const size = bucket.has(key) ? this.size : this.size + 1
    bucket.set(key, value)
    return new Table(replaced(this.#buckets, slot, bucket), size)
  }

  without(key: string): Table<V> {
    if (!this.has(key)) return this
    const slot = bucketOf(key)
    const bucket = new Map(this.#buckets[slot])
    bucket.delete(key)
    return new Table(replaced(this.#buckets, slot, bucket), this.size - 1)
  }

  /** All records in key order. */
  entries(): readonly (readonly [string, V])[] {
    const all: (readonly [string, V])[] = []
    for (const bucket of this.#buckets) if (bucket !== undefined) all.push(...bucket)
    return all.sort((a, b) => byCodeUnit(a[0], b[0]))
  }

  /** All keys in order. */
  keys(): readonly string[] {
    return this.entries().map(([key]) => key)
  }

  /** Every record, in no promised order: for look-ups that need none. */
  *[Symbol.iterator](): Generator<readonly [string, V]> {
    for (const bucket of this.#buckets) if (bucket !== undefined) yield* bucket
  }
}

function replaced<T>(list: readonly T[], slot: number, value: T): readonly T[] {
  const copy = list.slice()
  copy[slot] = value
  return copy
}
