import { createHash } from 'node:crypto'
import type { PeerIdString } from '@vsmcp/kernel'
import { CLOCK_SKEW_MS, LIFE_MAX_MS, RECORDS_MAX, RECORDS_PER_WRITER_MAX } from './constants.ts'
import { type Envelope, isLater, type RecordId } from './envelope.ts'
import type { SharedRecord } from './index.ts'
import type { Rules } from './rules.ts'

/** A key whose answer changed. */
export interface Change {
  collection: string
  key: string
}

type Merged = 'taken' | 'stale' | 'full'

/**
 * The newest valid record seen of each writer, for ever higher: what the document says now does not matter, once it has
 * said something newer. Tombstones and ended records stay until nothing older can be alive any more.
 */
export class RecordTable {
  readonly #rules: Rules
  readonly #now: () => number
  readonly #entries = new Map<RecordId, Envelope>()
  /** collection → key → the ids of its writers' records. */
  readonly #byKey = new Map<string, Map<string, Set<RecordId>>>()
  readonly #perWriter = new Map<PeerIdString, number>()
  /** What could last be read of each key, so that a change of it can be told. */
  readonly #shown = new Map<string, Map<string, readonly Envelope[]>>()
  #version = 0
  #digest: { version: number; bytes: Uint8Array } | undefined

  constructor(rules: Rules, now: () => number) {
    this.#rules = rules
    this.#now = now
  }

  get size(): number {
    return this.#entries.size
  }

  of(id: RecordId): Envelope | undefined {
    return this.#entries.get(id)
  }

  all(): IterableIterator<Envelope> {
    return this.#entries.values()
  }

  /** `full`: the writer or the table has its share already, and this would be a new key. */
  merge(envelope: Envelope): Merged {
    const { id, record } = envelope
    const known = this.#entries.get(id)
    if (known !== undefined && !isLater(envelope, known)) return 'stale'
    if (known === undefined) {
      const ofWriter = this.#perWriter.get(record.writer) ?? 0
      if (this.#entries.size >= RECORDS_MAX || ofWriter >= RECORDS_PER_WRITER_MAX) return 'full'
      this.#perWriter.set(record.writer, ofWriter + 1)
      this.#idsOf(record.collection, record.key).add(id)
    }
    this.#entries.set(id, envelope)
    this.#version++
    return 'taken'
  }

  hasRoomFor(id: RecordId, writer: PeerIdString): boolean {
    if (this.#entries.has(id)) return true
    return this.#entries.size < RECORDS_MAX && (this.#perWriter.get(writer) ?? 0) < RECORDS_PER_WRITER_MAX
  }

  /** The bytes the document should carry under this id: nothing for a record that ended. */
  carriedBytes(id: RecordId): Uint8Array | undefined {
    const entry = this.#entries.get(id)
    return entry !== undefined && this.#isLive(entry) ? entry.bytes : undefined
  }

  get(collection: string, key: string, writer?: PeerIdString): SharedRecord | undefined {
    if (writer === undefined) return this.#winner(collection, key)?.record
    return this.#readable(collection, key).find((entry) => entry.record.writer === writer)?.record
  }

  entries(collection: string, allWriters: boolean): SharedRecord[] {
    const keys = [...(this.#byKey.get(collection)?.keys() ?? [])].sort()
    return keys.flatMap((key) => {
      if (allWriters) return this.#readable(collection, key).map((entry) => entry.record)
      const winner = this.#winner(collection, key)
      return winner === undefined ? [] : [winner.record]
    })
  }

  /** Looks whether `get` answers otherwise, for any writer, than when last asked here. @returns the keys for which it does */
  changesOf(keys: Iterable<Change>): Change[] {
    const changes: Change[] = []
    for (const { collection, key } of keys) {
      const shown = this.#shown.get(collection) ?? new Map<string, readonly Envelope[]>()
      const before = shown.get(key) ?? []
      const now = this.#readable(collection, key)
      if (before.length === now.length && now.every((entry, at) => entry === before[at])) continue
      if (now.length === 0) shown.delete(key)
      else shown.set(key, now)
      this.#shown.set(collection, shown)
      changes.push({ collection, key })
    }
    return changes
  }

  *keys(): Generator<Change> {
    for (const [collection, keys] of this.#byKey) for (const key of keys.keys()) yield { collection, key }
  }

  /** Drops what can be forgotten. @returns its ids */
  forget(): RecordId[] {
    const ids = [...this.#entries.values()].filter((entry) => this.#isForgettable(entry)).map((entry) => entry.id)
    for (const id of ids) this.#drop(id)
    return ids
  }

  /** Equal for two nodes that know the same live records. */
  digest(): Uint8Array {
    if (this.#digest?.version === this.#version) return this.#digest.bytes
    const sum = new Uint8Array(32)
    for (const entry of this.#entries.values()) {
      if (!this.#isLive(entry)) continue
      const hash = createHash('sha256').update(`${entry.id}\n${entry.record.epoch}\n${entry.record.seq}`).digest()
      for (const [at, byte] of hash.entries()) sum[at] = (sum[at] ?? 0) ^ byte
    }
    this.#digest = { version: this.#version, bytes: sum }
    return sum
  }

  /** To be called when records may have ended since. */
  touch(): void {
    this.#version++
  }

  #idsOf(collection: string, key: string): Set<RecordId> {
    const keys = this.#byKey.get(collection) ?? new Map<string, Set<RecordId>>()
    this.#byKey.set(collection, keys)
    const ids = keys.get(key) ?? new Set<RecordId>()
    keys.set(key, ids)
    return ids
  }

  #drop(id: RecordId): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    const { collection, key, writer } = entry.record
    this.#entries.delete(id)
    this.#perWriter.set(writer, (this.#perWriter.get(writer) ?? 1) - 1)
    const keys = this.#byKey.get(collection)
    const ids = keys?.get(key)
    ids?.delete(id)
    if (ids?.size === 0) keys?.delete(key)
    this.#version++
  }

  #readable(collection: string, key: string): Envelope[] {
    const ids = [...(this.#byKey.get(collection)?.get(key) ?? [])].sort()
    return ids.flatMap((id) => {
      const entry = this.#entries.get(id)
      return entry !== undefined && !entry.removed && this.#isLive(entry) && this.#isAllowed(entry) ? [entry] : []
    })
  }

  #winner(collection: string, key: string): Envelope | undefined {
    return this.#readable(collection, key).reduce<Envelope | undefined>(
      (best, entry) => (best === undefined || entry.record.issuedAtMs > best.record.issuedAtMs ? entry : best),
      undefined,
    )
  }

  #isAllowed({ record: { collection, key, writer } }: Envelope): boolean {
    return this.#rules.isMember(writer) && this.#rules.mayWrite(collection, key, writer)
  }

  #isLive(entry: Envelope): boolean {
    return entry.record.expiresAtMs > this.#now()
  }

  #isForgettable({ record }: Envelope): boolean {
    return record.issuedAtMs + LIFE_MAX_MS + 2 * CLOCK_SKEW_MS < this.#now()
  }
}
