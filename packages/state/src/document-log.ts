import { type Clock, type KeyValueStore, type Logger, messageOf, type WriteOperation } from '@vsmcp/kernel'
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { mergeUpdates } from 'yjs'
import { INCREMENT_BYTES_MAX, INCREMENTS_MAX, QUARANTINE_MAX, STORE_RETRY_MS } from './constants.ts'

const SNAPSHOT_KEY = 'doc/snapshot'
const CLIENT_KEY = 'doc/client'

/** Under which Yjs client id this node writes, and how far it had come. */
export interface ClientMark {
  client: number
  clock: number
}

export interface LoadedLog {
  updates: { key: string; update: Uint8Array }[]
  mark: ClientMark | undefined
}

export interface DocumentLogComponents {
  store: KeyValueStore
  clock: Clock
  logger: Logger
  /** The whole document now. */
  encode: () => Uint8Array
  mark: () => ClientMark
  /** Local changes are on disk: they may be told to others. */
  onStored: (update: Uint8Array) => void
}

interface Increment {
  update: Uint8Array
  local: boolean
}

/**
 * The document on disk: increments, folded into one update at a bound. What this node wrote is on disk, fsynced, before
 * any other node hears of it: so it goes on under the same Yjs client id after any crash, and a group's document knows as
 * many clients as it has nodes.
 */
export class DocumentLog {
  readonly #components: DocumentLogComponents
  #queue: Increment[] = []
  #next = 0
  #bytes = 0
  /** The disk refused: increments are given up, the next write is the whole document. */
  #needsWhole = false
  #untold: Uint8Array[] = []
  #running: Promise<void> | undefined
  #failure: Error | undefined
  #retryAtMs = 0

  constructor(components: DocumentLogComponents) {
    this.#components = components
  }

  /** Increments are numbered from 0 after each folding, so that reading needs no range and survives a damaged value. */
  async load(): Promise<LoadedLog> {
    const updates: LoadedLog['updates'] = []
    const snapshot = await this.#read(SNAPSHOT_KEY)
    if (snapshot !== undefined) updates.push({ key: SNAPSHOT_KEY, update: snapshot })
    for (; this.#next <= INCREMENTS_MAX; this.#next++) {
      const key = incrementKey(this.#next)
      const update = await this.#read(key)
      this.#bytes += update?.length ?? 0
      if (update !== undefined) updates.push({ key, update })
      else if (!this.#needsWhole) break
    }
    return { updates, mark: readMark(await this.#read(CLIENT_KEY)) }
  }

  /** Keeps a stored value that is no update for a person to look at; the log is written anew. */
  async quarantine(key: string, value: Uint8Array, reason: unknown): Promise<void> {
    this.#components.logger.error(
      { key, bytes: value.length, reason: messageOf(reason) },
      'shared state: damaged update set aside',
    )
    this.#needsWhole = true
    const kept = `doc/damaged/${this.#next % QUARANTINE_MAX}`
    await this.#components.store.write([{ type: 'put', key: kept, value }]).catch(() => undefined)
  }

  get isDamaged(): boolean {
    return this.#needsWhole
  }

  append(update: Uint8Array, local: boolean): void {
    this.#queue.push({ update, local })
    this.#begin()
  }

  /** Writes the whole document at the next turn. */
  rewrite(): void {
    this.#needsWhole = true
    this.#begin()
  }

  /** Whether the last write failed. Nothing more should be written locally then: it could not be told. */
  get isFailing(): boolean {
    return this.#failure !== undefined
  }

  /** Resolves when all is on disk; rejects with what the store threw when it is not. */
  async flush(): Promise<void> {
    if (this.#needsWhole) this.#begin()
    while (this.#running !== undefined) await this.#running
    if (this.#failure !== undefined) throw this.#failure
  }

  #begin(): void {
    const waits = this.#failure !== undefined && this.#components.clock.monotonicMs() < this.#retryAtMs
    if (waits) this.#queue = this.#queue.filter((increment) => increment.local) // the next write is the whole document
    else this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    await Promise.resolve() // what is written in this turn goes together
    try {
      do await this.#writeOnce()
      while (this.#queue.length > 0)
      this.#failure = undefined
    } catch (error) {
      const { clock, logger } = this.#components
      this.#needsWhole = true
      this.#retryAtMs = clock.monotonicMs() + STORE_RETRY_MS
      if (this.#failure === undefined)
        logger.error({ reason: messageOf(error) }, 'shared state: cannot be stored, kept in memory')
      this.#failure = error instanceof Error ? error : new Error(messageOf(error))
    } finally {
      this.#running = undefined
    }
  }

  async #writeOnce(): Promise<void> {
    const { store, encode, mark, onStored } = this.#components
    const batch = this.#queue
    this.#queue = []
    const own = batch.filter((increment) => increment.local).map((increment) => increment.update)
    // Kept until they are on disk: a failed write does not make them untrue.
    if (own.length > 0) this.#untold.push(own.length === 1 && own[0] !== undefined ? own[0] : mergeUpdates(own))
    const bytes = batch.reduce((sum, { update }) => sum + update.length, 0)
    const fold = this.#needsWhole || this.#next >= INCREMENTS_MAX || this.#bytes + bytes > INCREMENT_BYTES_MAX
    const operations: WriteOperation[] = []
    if (fold) {
      operations.push({ type: 'put', key: SNAPSHOT_KEY, value: encode() })
      for (let at = 0; at <= INCREMENTS_MAX; at++) operations.push({ type: 'del', key: incrementKey(at) })
    } else if (batch.length > 0) {
      operations.push({ type: 'put', key: incrementKey(this.#next), value: mergeUpdates(batch.map(({ update }) => update)) })
    }
    operations.push({ type: 'put', key: CLIENT_KEY, value: writeMark(mark()) })
    await store.write(operations, { sync: this.#untold.length > 0 || fold })
    this.#needsWhole = false
    this.#next = fold ? 0 : this.#next + (batch.length > 0 ? 1 : 0)
    this.#bytes = fold ? 0 : this.#bytes + bytes
    const told = this.#untold
    this.#untold = []
    if (told.length > 0) onStored(told.length === 1 && told[0] !== undefined ? told[0] : mergeUpdates(told))
  }

  async #read(key: string): Promise<Uint8Array | undefined> {
    try {
      return await this.#components.store.get(key)
    } catch (error) {
      await this.quarantine(key, new Uint8Array(), error)
      return undefined
    }
  }
}

function incrementKey(at: number): string {
  return `doc/update/${String(at).padStart(6, '0')}`
}

function writeMark({ client, clock }: ClientMark): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, client)
    encoding.writeVarUint(encoder, clock)
  })
}

function readMark(bytes: Uint8Array | undefined): ClientMark | undefined {
  if (bytes === undefined) return undefined
  try {
    const decoder = decoding.createDecoder(bytes)
    return { client: decoding.readVarUint(decoder), clock: decoding.readVarUint(decoder) }
  } catch {
    return undefined
  }
}
