import { createHash } from 'node:crypto'
import { type Random, randomInteger } from '@vsmcp/kernel'
import { YKeyValue } from 'y-utility/y-keyvalue'
import * as Y from 'yjs'
import {
  APPLY_TIME_MAX_MS,
  CARRIER_NAME,
  CLIENTS_MAX,
  DOCUMENT_BYTES_MAX,
  ELEMENTS_MAX,
  INCREMENT_BYTES_MAX,
  INCREMENTS_MAX,
  PENDING_BYTES_MAX,
  UNGUARDED_STEPS_MAX,
} from './constants.ts'
import type { RecordId } from './envelope.ts'
import { StateConflictError, StateRejectedError } from './errors.ts'
import { inspectUpdate } from './inspect-update.ts'
import { runWithin } from './time-limit.ts'

interface Element {
  key: RecordId
  val: Uint8Array
}

export interface CarrierEvents {
  /** The document changed. `local`: by this node, to be told to the others. */
  onUpdate(update: Uint8Array, local: boolean): void
  /** Values came under these ids, shadowed ones included. */
  onCame(came: readonly Element[]): void
  /** These ids carry something else now, or nothing. */
  onTouched(ids: ReadonlySet<RecordId>): void
  /** This document took another client id, because somebody else writes under its own. */
  onClientChanged(): void
}

/** Shadowed doubles that may lie in the list beside as many live ones, before they are cleared away. */
const DOUBLES_SLACK = 256

const REMOTE = Symbol('remote')

/**
 * The Yjs document: a YKeyValue of opaque values. It takes updates from outside only after they were inspected, and under
 * a time limit when they could make Yjs walk far.
 */
export class Carrier {
  readonly #events: CarrierEvents
  readonly #random: Random
  readonly #applyTimeMaxMs: number
  #doc: Y.Doc
  #list: Y.Array<Element>
  #values: YKeyValue<Uint8Array>
  /** Upper bound of the encoded size; made exact when it comes near the limit. */
  #bytes = 0
  #version = 0
  #digest: { version: number; bytes: Uint8Array } | undefined
  /** Events of a change that may yet be undone. */
  #held: (() => void)[] | undefined
  /** The document some time ago, and what changed since: to go back to when Yjs fails in the middle of a change. */
  #base: Uint8Array | undefined
  #since: Uint8Array[] = []
  #sinceBytes = 0

  constructor(events: CarrierEvents, random: Random, applyTimeMaxMs = APPLY_TIME_MAX_MS) {
    this.#events = events
    this.#random = random
    this.#applyTimeMaxMs = applyTimeMaxMs
    this.#doc = new Y.Doc()
    this.#doc.clientID = this.#newClient()
    this.#list = this.#doc.getArray<Element>(CARRIER_NAME)
    this.#values = new YKeyValue(this.#list)
    this.#listen()
  }

  get client(): number {
    return this.#doc.clientID
  }

  /** Goes on under the id of an earlier life; only when the document holds all that life ever told others. */
  resume(client: number): void {
    this.#doc.clientID = client
  }

  clockOf(client: number): number {
    return Y.getState(this.#doc.store, client)
  }

  get(id: RecordId): Uint8Array | undefined {
    return this.#values.get(id)
  }

  *all(): Generator<Element> {
    yield* this.#values.map.values()
  }

  /** Several changes in one transaction, one update. */
  change(puts: readonly Element[], removals: readonly RecordId[] = []): void {
    this.#doc.transact(() => {
      for (const { key, val } of puts) this.#values.set(key, val)
      for (const id of removals) this.#values.delete(id)
    })
  }

  /**
   * Takes an update from outside. Throws `StateRejectedError` for one that is none, holds anything but records or is over a
   * bound, `StateConflictError` when Yjs fails on it or takes too long; the document is then as it was before.
   */
  apply(received: Uint8Array): void {
    const update = received.slice() // Yjs keeps views on it
    const size = inspectUpdate(update)
    this.#checkRoom(update.length, size.elements, size.ends.size)
    if ((size.ends.get(this.client) ?? 0) > this.clockOf(this.client)) this.#leaveClient()
    const steps = size.structs * (this.items + size.structs)
    const timeMaxMs = steps <= UNGUARDED_STEPS_MAX ? Number.POSITIVE_INFINITY : this.#applyTimeMaxMs
    const mayBeRubbish = this.isIncomplete
    try {
      this.#applyOrGoBack(update, timeMaxMs)
    } catch (error) {
      if (!mayBeRubbish) throw error
      this.#applyOrGoBack(update, timeMaxMs) // what had waited for it is gone: perhaps that was at fault
    }
    this.#bytes += update.length
    this.#dropPending()
    if (this.#list.length > 2 * this.#values.map.size + DOUBLES_SLACK) this.#clearDoubles()
  }

  /** True while parts of the document wait for others that have not come. */
  get isIncomplete(): boolean {
    return this.pendingBytes > 0
  }

  get pendingBytes(): number {
    const { pendingStructs, pendingDs } = this.#doc.store
    return (pendingStructs?.update.length ?? 0) + (pendingDs?.length ?? 0)
  }

  get items(): number {
    let items = 0
    for (const structs of this.#doc.store.clients.values()) items += structs.length
    return items
  }

  get clients(): number {
    return this.#doc.store.clients.size
  }

  stateVector(): Uint8Array {
    return Y.encodeStateVector(this.#doc)
  }

  /** All, or all that somebody with this state vector lacks. Throws for a vector that is none. */
  encode(stateVector?: Uint8Array): Uint8Array {
    const { store } = this.#doc
    const { pendingStructs, pendingDs } = store
    let update: Uint8Array
    try {
      // What waits is not part of the document yet, and may be rubbish that only fails when its turn comes.
      store.pendingStructs = null
      store.pendingDs = null
      update = Y.encodeStateAsUpdate(this.#doc, stateVector)
    } finally {
      store.pendingStructs = pendingStructs
      store.pendingDs = pendingDs
    }
    if (stateVector === undefined) this.#rebase(update)
    return update
  }

  hasRoom(bytes: number): boolean {
    if (this.#bytes + bytes > DOCUMENT_BYTES_MAX) this.encode()
    return this.#bytes + bytes <= DOCUMENT_BYTES_MAX
  }

  /** Equal for two documents with the same content, deletions included. */
  digest(): Uint8Array {
    if (this.#digest?.version === this.#version) return this.#digest.bytes
    const snapshot = Y.encodeSnapshot(Y.snapshot(this.#doc))
    const bytes = new Uint8Array(createHash('sha256').update(snapshot).digest())
    this.#digest = { version: this.#version, bytes }
    return bytes
  }

  /** Begins with an empty document, to take that of others: this one has something in it that theirs cannot be merged with. */
  reset(): void {
    this.#renew()
    this.#listen()
    this.encode()
  }

  destroy(): void {
    this.#doc.destroy()
  }

  #listen(): void {
    this.#doc.on('update', (update: Uint8Array, origin: unknown) => {
      this.#version++
      const local = origin !== REMOTE
      if (local) this.#bytes += update.length
      this.#tell(() => {
        this.#remember(update)
        this.#events.onUpdate(update, local)
      })
    })
    this.#list.observe((event) => {
      const came = [...event.changes.added].flatMap((item) => item.content.getContent() as Element[])
      const gone = [...event.changes.deleted].flatMap((item) => item.content.getContent() as Element[])
      this.#uncover(gone)
      if (came.length > 0) this.#tell(() => this.#events.onCame(came))
      const touched = new Set([...came, ...gone].map((element) => element.key))
      this.#tell(() => this.#events.onTouched(touched))
    })
  }

  /**
   * YKeyValue takes a key for gone when its last element is deleted, also when an earlier one of the key had been shadowed
   * by it and stayed: two nodes with one document would answer differently until they are restarted.
   */
  #uncover(gone: readonly Element[]): void {
    const missing = new Set(gone.map((element) => element.key).filter((key) => !this.#values.map.has(key)))
    if (missing.size === 0) return
    for (const element of this.#list.toArray().reverse()) {
      if (!missing.delete(element.key)) continue
      this.#values.map.set(element.key, element)
      if (missing.size === 0) return
    }
  }

  #tell(event: () => void): void {
    if (this.#held === undefined) event()
    else this.#held.push(event)
  }

  /** Yjs has no way back: what an update has changed when it fails, or is stopped, stays changed. */
  #applyOrGoBack(update: Uint8Array, timeMaxMs: number): void {
    const held: (() => void)[] = []
    const apply = (): void => Y.applyUpdate(this.#doc, update, REMOTE)
    let isDone = false
    this.#held = held
    try {
      isDone = runWithin(timeMaxMs, apply)
    } catch (cause) {
      throw new StateConflictError('an update cannot be merged into the document', { cause })
    } finally {
      this.#held = undefined
      if (!isDone) this.#goBack()
    }
    if (!isDone) throw new StateConflictError('an update takes too long to be merged')
    for (const event of held) event()
  }

  #goBack(): void {
    const { clientID } = this.#doc
    this.#renew()
    for (const update of this.#base === undefined ? this.#since : [this.#base, ...this.#since])
      Y.applyUpdate(this.#doc, update, REMOTE)
    this.#doc.clientID = clientID
    this.#listen()
  }

  #newClient(): number {
    return randomInteger(this.#random, 1, 2 ** 32 - 1)
  }

  #renew(): void {
    this.#doc.destroy()
    this.#doc = new Y.Doc()
    this.#doc.clientID = this.#newClient()
    this.#list = this.#doc.getArray<Element>(CARRIER_NAME)
    this.#values = new YKeyValue(this.#list)
    this.#version++
  }

  #remember(update: Uint8Array): void {
    this.#since.push(update)
    this.#sinceBytes += update.length
    if (this.#since.length > INCREMENTS_MAX || this.#sinceBytes > INCREMENT_BYTES_MAX) this.encode()
  }

  #rebase(whole: Uint8Array): void {
    this.#base = whole
    this.#since = []
    this.#sinceBytes = 0
    this.#bytes = whole.length
  }

  /** Somebody else wrote under this id: whatever this node wrote under it next would be lost on those who saw that. */
  #leaveClient(): void {
    this.#doc.clientID = this.#newClient()
    this.#events.onClientChanged()
  }

  #checkRoom(bytes: number, elements: number, clients: number): void {
    if (clients + this.clients > CLIENTS_MAX || elements + this.#list.length > ELEMENTS_MAX || !this.hasRoom(bytes)) {
      throw new StateRejectedError('an update would make the document too large')
    }
  }

  #dropPending(): void {
    if (this.pendingBytes <= PENDING_BYTES_MAX) return
    this.#doc.store.pendingStructs = null
    this.#doc.store.pendingDs = null
  }

  /** YKeyValue takes away what a write shadows, but not doubles that came within one update. */
  #clearDoubles(): void {
    const elements = this.#list.toArray()
    const seen = new Set<RecordId>()
    const isDouble = elements.map(() => false)
    for (let at = elements.length - 1; at >= 0; at--) {
      const key = elements[at]?.key ?? ''
      isDouble[at] = seen.has(key)
      seen.add(key)
    }
    this.#doc.transact(() => {
      for (let end = elements.length; end > 0;) {
        let start = end
        while (start > 0 && isDouble[start - 1] === true) start--
        if (start < end) this.#list.delete(start, end - start)
        end = start - 1
      }
    })
  }
}
