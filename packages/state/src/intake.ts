import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Logger, PeerIdString } from '@vsmcp/kernel'
import { messageOf } from '@vsmcp/kernel'
import { GARBAGE_MAX, INTAKE_MAX, INTAKE_SLICE } from './constants.ts'
import { type Envelope, openEnvelope, type RecordId, signedBytes } from './envelope.ts'

export interface IntakeComponents {
  topic: string
  verify: (peer: PeerIdString, bytes: Uint8Array, signature: Uint8Array) => Promise<boolean> | boolean
  logger: Logger
  /** Whether these very bytes are known to be good already. */
  isKnown: (id: RecordId, bytes: Uint8Array) => boolean
  /** A slice is done: the good ones, and the ids of those that were garbage. */
  onVerified: (good: readonly Envelope[], garbage: readonly RecordId[]) => void
  /** The queue was full and is empty now: what was left out is to be offered again. */
  onOverflowEnded: () => void
}

/** Verifies records in the order they came, a slice at a time, so that others have their turn. */
export class Intake {
  readonly #components: IntakeComponents
  readonly #queue: { id: RecordId; bytes: Uint8Array }[] = []
  /** SHA-256 of id and value. */
  readonly #garbage = new Set<string>()
  #overflowed = false
  #running: Promise<void> | undefined

  constructor(components: IntakeComponents) {
    this.#components = components
  }

  offer(id: RecordId, bytes: Uint8Array): void {
    if (this.#components.isKnown(id, bytes)) return
    if (this.#queue.length >= INTAKE_MAX) {
      this.#overflowed = true
      return
    }
    this.#queue.push({ id, bytes })
    this.#running ??= this.#run()
  }

  /** Known for ever to be no record: nothing that a newer release wrote, nothing merely old. */
  isGarbage(id: RecordId, bytes: Uint8Array): boolean {
    return this.#garbage.has(fingerprint(id, bytes))
  }

  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    await Promise.resolve()
    while (this.#queue.length > 0) {
      await this.#take(this.#queue.splice(0, INTAKE_SLICE))
      if (this.#queue.length > 0) await setImmediate()
    }
    this.#running = undefined
    if (!this.#overflowed) return
    this.#overflowed = false
    this.#components.onOverflowEnded()
  }

  async #take(slice: readonly { id: RecordId; bytes: Uint8Array }[]): Promise<void> {
    const good: Envelope[] = []
    const garbage: RecordId[] = []
    for (const { id, bytes } of slice) {
      const verdict = this.isGarbage(id, bytes) ? 'garbage' : await this.#verify(id, bytes)
      if (verdict === 'garbage') {
        this.#note(fingerprint(id, bytes))
        garbage.push(id)
      } else if (verdict !== 'undecided') good.push(verdict)
    }
    this.#components.onVerified(good, garbage)
  }

  async #verify(id: RecordId, bytes: Uint8Array): Promise<Envelope | 'garbage' | 'undecided'> {
    const opened = openEnvelope(id, bytes)
    if (opened === 'unknown') return 'undecided'
    if (opened === 'malformed') return 'garbage'
    const { envelope, payload, signature } = opened
    const { topic, verify, logger } = this.#components
    try {
      const isGood = await verify(envelope.record.writer, signedBytes(topic, payload), signature)
      return isGood ? envelope : 'garbage'
    } catch (error) {
      logger.warn({ writer: envelope.record.writer, reason: messageOf(error) }, 'shared state: a signature could not be checked')
      return 'undecided'
    }
  }

  #note(print: string): void {
    this.#garbage.add(print)
    if (this.#garbage.size <= GARBAGE_MAX) return
    for (const oldest of this.#garbage) {
      this.#garbage.delete(oldest)
      return
    }
  }
}

function fingerprint(id: RecordId, bytes: Uint8Array): string {
  return createHash('sha256').update(id).update('\0').update(bytes).digest('base64')
}
