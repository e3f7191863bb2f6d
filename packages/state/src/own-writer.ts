import { type Clock, InvalidArgumentError, type KeyValueStore, type PeerIdString } from '@vsmcp/kernel'
import { CLOCK_SKEW_MS, LIFE_DEFAULT_MS, LIFE_MAX_MS, RECORD_BYTES_MAX, VALUE_DEPTH_MAX } from './constants.ts'
import {
  depthWithin,
  encodeEnvelope,
  encodePayload,
  type Envelope,
  isCollection,
  isKey,
  openEnvelope,
  type RecordId,
  recordId,
  signedBytes,
} from './envelope.ts'
import { StateFullError, StateNotOwnerError, StateTooLargeError } from './errors.ts'
import type { JsonValue, PutOptions } from './index.ts'
import { recordKey } from './record-log.ts'

export interface Wish {
  collection: string
  key: string
  /** `undefined` takes the record back by a tombstone. */
  value: JsonValue | undefined
  options: PutOptions
}

export interface OwnWriterComponents {
  topic: string
  signer: { readonly peerId: PeerIdString; sign(bytes: Uint8Array): Promise<Uint8Array> | Uint8Array }
  store: KeyValueStore
  clock: Clock
  mayWrite: (collection: string, key: string, writer: PeerIdString) => boolean
  hasRoom: (id: RecordId, bytes: number) => boolean
  current: (id: RecordId) => Envelope | undefined
  /** They are signed and on disk. */
  onWritten: (envelopes: readonly Envelope[]) => void
}

interface Job extends Wish {
  done: PromiseWithResolvers<Envelope>
}

const EPOCH_KEY = 'meta/epoch'

/** Signs this node's records, one count after another, and has them on disk before anybody sees them. */
export class OwnWriter {
  readonly #components: OwnWriterComponents
  #queue: Job[] = []
  #epoch = 0
  #storedEpoch = 0
  #seq = 0
  #running: Promise<void> | undefined

  constructor(components: OwnWriterComponents) {
    this.#components = components
  }

  /** Begins a new life, above all earlier ones. */
  async start(): Promise<void> {
    const { store } = this.#components
    const stored = Number(new TextDecoder().decode(await store.get(EPOCH_KEY)))
    this.#epoch = Math.max(this.#epoch, Number.isSafeInteger(stored) ? stored : 0) + 1
    await store.write([this.#epochWrite()], { sync: true })
    this.#storedEpoch = this.#epoch
  }

  /** A valid record of this node's own came from outside: of a life that this data directory does not remember. */
  outrank(epoch: number): boolean {
    if (epoch < this.#epoch) return false
    this.#epoch = epoch + 1
    this.#seq = 0
    return true
  }

  async write(wish: Wish): Promise<Envelope> {
    this.#check(wish)
    const same = this.#unchanged(wish)
    if (same !== undefined) return same
    const done = Promise.withResolvers<Envelope>()
    this.#queue.push({ ...wish, done })
    this.#running ??= this.#run()
    return done.promise
  }

  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    await Promise.resolve() // what is put in this turn shares one fsync
    while (this.#queue.length > 0) {
      const batch = this.#queue
      this.#queue = []
      await this.#writeBatch(batch)
    }
    this.#running = undefined
  }

  async #writeBatch(batch: readonly Job[]): Promise<void> {
    const { store, onWritten } = this.#components
    const signed: { job: Job; envelope: Envelope }[] = []
    for (const job of batch) {
      try {
        signed.push({ job, envelope: await this.#sign(job) })
      } catch (error) {
        job.done.reject(error)
      }
    }
    if (signed.length === 0) return
    try {
      const puts = signed.map(({ envelope }) => ({ type: 'put' as const, key: recordKey(envelope.id), value: envelope.bytes }))
      await store.write(this.#epoch === this.#storedEpoch ? puts : [this.#epochWrite(), ...puts], { sync: true })
      this.#storedEpoch = this.#epoch
      onWritten(signed.map(({ envelope }) => envelope))
      for (const { job, envelope } of signed) job.done.resolve(envelope)
    } catch (error) {
      for (const { job } of signed) job.done.reject(error)
    }
  }

  async #sign({ collection, key, value, options }: Job): Promise<Envelope> {
    const { topic, signer, clock, hasRoom } = this.#components
    const issuedAtMs = Math.round(clock.wallMs())
    const ends = value === undefined ? issuedAtMs + LIFE_MAX_MS : (options.expiresAtMs ?? issuedAtMs + LIFE_DEFAULT_MS)
    const isRenewed = value !== undefined && options.expiresAtMs === undefined
    const payload = encodePayload({
      collection,
      key,
      writer: signer.peerId,
      epoch: this.#epoch,
      seq: ++this.#seq,
      issuedAtMs,
      expiresAtMs: Math.round(ends),
      ...(isRenewed ? { renewed: true } : {}),
      ...(value === undefined ? { removed: true } : { value }),
    })
    const id = recordId(collection, signer.peerId, key)
    const bytes = encodeEnvelope(payload, await signer.sign(signedBytes(topic, payload)))
    if (bytes.length > RECORD_BYTES_MAX) {
      throw new StateTooLargeError(
        `the record ${collection}/${key} is ${bytes.length} bytes, over the ${RECORD_BYTES_MAX} allowed`,
        {
          hint: 'Split it into several keys, or leave large parts to be asked for.',
        },
      )
    }
    if (!hasRoom(id, bytes.length)) {
      throw new StateFullError(`the group's shared document has no room for ${collection}/${key}`, {
        hint: 'Remove units or records that are not needed any more.',
      })
    }
    const opened = openEnvelope(id, bytes)
    if (typeof opened === 'string') throw new InvalidArgumentError(`${collection}/${key} does not make a valid record`)
    return opened.envelope
  }

  #check({ collection, key, value, options }: Wish): void {
    const { clock, mayWrite, signer } = this.#components
    if (!isCollection(collection) || !isKey(key)) {
      throw new InvalidArgumentError(`"${collection}/${key}" is not a collection and a key of the shared state`)
    }
    if (value !== undefined && !depthWithin(value, VALUE_DEPTH_MAX)) {
      throw new InvalidArgumentError(`the value of ${collection}/${key} is nested over ${VALUE_DEPTH_MAX} deep`)
    }
    const { expiresAtMs = 0 } = options
    if (expiresAtMs > clock.wallMs() + LIFE_MAX_MS + CLOCK_SKEW_MS) {
      throw new InvalidArgumentError(`the record ${collection}/${key} would live longer than ${LIFE_MAX_MS} ms`)
    }
    if (value === undefined || mayWrite(collection, key, signer.peerId)) return
    throw new StateNotOwnerError(`${collection}/${key} belongs to another node`, {
      hint: 'Choose another name, or let its owner give it up.',
      details: { collection, key },
    })
  }

  /** Nothing is written for a value that stands already and is not near its end: the document does not grow by restarts. */
  #unchanged({ collection, key, value, options }: Wish): Envelope | undefined {
    const { current, signer, clock } = this.#components
    if (this.#running !== undefined || value === undefined || options.expiresAtMs !== undefined) return undefined
    const known = current(recordId(collection, signer.peerId, key))
    if (known === undefined || known.removed || !known.renewed) return undefined
    const isFresh = known.record.expiresAtMs - clock.wallMs() > LIFE_DEFAULT_MS / 2
    return isFresh && JSON.stringify(known.record.value) === JSON.stringify(value) ? known : undefined
  }

  #epochWrite(): { type: 'put'; key: string; value: Uint8Array } {
    return { type: 'put', key: EPOCH_KEY, value: new TextEncoder().encode(String(this.#epoch)) }
  }
}
