import { InvalidArgumentError, type KeyValueStore, type WriteOperation } from '@vsmcp/kernel'
import { seal, unseal } from './checksum.ts'
import { KEY_LENGTH_MAX, PAGE_LENGTH, VALUE_BYTES_MAX } from './constants.ts'
import type { Database } from './database.ts'
import type { Writer } from './writer.ts'

type Range = Parameters<KeyValueStore['entries']>[0]

/** A namespace of the database: its keys behind a prefix that no other namespace's keys can begin with. */
export class LevelKeyValueStore implements KeyValueStore {
  readonly #database: Database
  readonly #writer: Writer
  readonly #prefix: string

  constructor(database: Database, writer: Writer, prefix: string) {
    this.#database = database
    this.#writer = writer
    this.#prefix = prefix
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const full = this.#prefix + checkedKey(key)
    // Typed as always there by level, undefined when it is not (abstract-level 3).
    const sealed: Uint8Array | undefined = await this.#database.read((db) => db.get(full))
    return sealed === undefined ? undefined : unseal(full, sealed)
  }

  async write(operations: readonly WriteOperation[], options: { sync?: boolean } = {}): Promise<void> {
    if (operations.length === 0 && options.sync !== true) return
    await this.#writer.write(
      operations.map((operation) => {
        const key = this.#prefix + checkedKey(operation.key)
        return operation.type === 'del'
          ? { type: 'del', key }
          : { type: 'put', key, value: seal(key, checkedValue(operation.value)) }
      }),
      options.sync ?? false,
    )
  }

  async *entries(range: Range): AsyncIterable<readonly [string, Uint8Array]> {
    const { reverse = false, limit = Number.POSITIVE_INFINITY, onDamaged } = range
    let gte = this.#prefix + checkedKey(range.gte)
    let lt = this.#prefix + checkedKey(range.lt)
    for (let left = limit; left > 0;) {
      const size = Math.min(PAGE_LENGTH, left)
      const bounds = { gte, lt }
      const page = await this.#database.read((db) => db.iterator({ ...bounds, reverse, limit: size }).all())
      for (const [full, sealed] of page) {
        const key = full.slice(this.#prefix.length)
        const value = onDamaged === undefined ? unseal(full, sealed) : unsealed(full, sealed, (error) => onDamaged(key, error))
        if (value !== undefined) yield [key, value]
      }
      const last = page.at(-1)
      if (page.length < size || last === undefined) return
      left -= size
      if (reverse) lt = last[0]
      else gte = `${last[0]}\0`
    }
  }
}

function unsealed(full: string, sealed: Uint8Array, onDamaged: (error: unknown) => void): Uint8Array | undefined {
  try {
    return unseal(full, sealed)
  } catch (error) {
    onDamaged(error)
    return undefined
  }
}

function checkedKey(key: string): string {
  if (key.length <= KEY_LENGTH_MAX && key.isWellFormed()) return key
  throw new InvalidArgumentError(`a storage key is over ${KEY_LENGTH_MAX} characters long or not well-formed Unicode`)
}

function checkedValue(value: Uint8Array): Uint8Array {
  if (value.length <= VALUE_BYTES_MAX) return value
  throw new InvalidArgumentError(`a value of ${value.length} bytes is over the ${VALUE_BYTES_MAX} that one key may hold`)
}
