import type { GroupId, PeerIdString } from '@vsmcp/kernel'
import { messageOf } from '@vsmcp/kernel'
import { MessageMalformedError } from '../errors.ts'
import { RefusalTally } from '../refusal-tally.ts'
import { RECORD_BURST, RECORD_REFILL_MS, RECORD_SKEW_MAX_MS } from './constants.ts'
import { compareOrder, type RecordCodec, type RecordHead, type RecordOrder } from './record-head.ts'

/**
 * Why a record is not taken:
 * - `malformed`: no record, one too large, numbers that are NaN, negative, beyond any bound or that cannot be together
 * - `orphan`: of a group that is no child, or no parent, of this one
 * - `wrong-sender`: handed over by who is no delegate between the two, or spoken by who does not vote in the group that speaks
 * - `unsigned`: not signed by the voice it names
 * - `stale`: its time is over, or its clock further off than any should be
 * - `replayed`: one that its carrier had handed over before, or an earlier one
 * - `contradictory`: another one of the same order was heard: its voice speaks with two tongues
 * - `flooded`: one of too many
 */
export const RECORD_REFUSALS = [
  'malformed',
  'orphan',
  'wrong-sender',
  'unsigned',
  'stale',
  'replayed',
  'contradictory',
  'flooded',
] as const
export type RecordRefusal = (typeof RECORD_REFUSALS)[number]

/** A record as a member carries it. */
export interface CarriedRecord {
  readonly bytes: Uint8Array
  /** Whose entry of the document it was, or who sent it. */
  readonly carrier: PeerIdString
}

/** What the shell knows of who may speak. Asked of what has been read only. */
export interface RecordRules {
  /** Whether records of, or for, this group belong here. */
  isNeighbour(group: GroupId): boolean
  /** Whether the peer is a delegate between the two groups. */
  mayCarry(carrier: PeerIdString, group: GroupId): boolean
  /** Whether the peer is a voter of the group that speaks, by its certified chain. */
  mayVoice(voice: PeerIdString, group: GroupId): boolean
  /** Whether the signature that came along is the voice's over these bytes. */
  isSigned(voice: PeerIdString): boolean
}

export type RecordVerdict<T> =
  /** `isNew`: false for what another delegate had brought already. */
  | { readonly taken: true; readonly isNew: boolean; readonly record: T }
  | { readonly taken: false; readonly refusal: RecordRefusal; readonly what: string }

interface Carrier {
  last: RecordOrder
  tokens: number
  atMs: number
}

interface Kept<T> {
  record: T
  bytes: Uint8Array
}

/** Carriers remembered by group: delegates now and before. */
const CARRIERS_MAX = 16

/** Senders whose refused records are counted. */
const SENDERS_MAX = 1_024

/**
 * The newest record of each neighbour, whoever carried it. What does not hold any more is forgotten by `tick`; until then nothing earlier is
 * taken, so that a record can be replayed only to who has never heard a later one, and only while it holds.
 */
export class RecordTable<T extends RecordHead> {
  readonly #codec: RecordCodec<T>
  readonly #belongs: (record: T) => boolean
  readonly #kept = new Map<GroupId, Kept<T>>()
  readonly #carriers = new Map<GroupId, Map<PeerIdString, Carrier>>()
  readonly #refused = new RefusalTally(RECORD_REFUSALS, SENDERS_MAX)

  /** @param belongs whether it is of the group that stands there now: what another one says is no neighbour's word */
  constructor(codec: RecordCodec<T>, belongs: (record: T) => boolean = () => true) {
    this.#codec = codec
    this.#belongs = belongs
  }

  take(carried: CarriedRecord, rules: RecordRules, nowMs: number): RecordVerdict<T> {
    const verdict = this.#verdict(carried, rules, nowMs)
    if (!verdict.taken) this.#refused.add(carried.carrier, verdict.refusal)
    return verdict
  }

  get(group: GroupId): T | undefined {
    return this.#kept.get(group)?.record
  }

  get records(): readonly T[] {
    return [...this.#kept.values()].map(({ record }) => record)
  }

  /** By carrier, since this node began to listen. */
  get refused(): ReadonlyMap<PeerIdString, Readonly<Record<RecordRefusal, number>>> {
    return this.#refused.counts
  }

  /** Bytes of the records kept. */
  get bytes(): number {
    return [...this.#kept.values()].reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  /** @returns groups of which nothing is known any more */
  tick(nowMs: number): GroupId[] {
    const gone = [...this.#kept].filter(([, { record }]) => record.untilMs <= nowMs).map(([group]) => group)
    for (const group of gone) this.#kept.delete(group)
    return gone
  }

  /** Somebody else stands there now: nothing is kept, and its order begins anew. */
  clear(): void {
    this.#kept.clear()
    this.#carriers.clear()
  }

  /** Nothing is kept of groups that are no neighbours any more, and of senders who are no members. */
  keepOnly(isNeighbour: (group: GroupId) => boolean, isMember: (peer: PeerIdString) => boolean): void {
    for (const group of this.#kept.keys()) if (!isNeighbour(group)) this.#kept.delete(group)
    for (const group of this.#carriers.keys()) if (!isNeighbour(group)) this.#carriers.delete(group)
    this.#refused.keepOnly(isMember)
  }

  #verdict({ bytes, carrier }: CarriedRecord, rules: RecordRules, nowMs: number): RecordVerdict<T> {
    let record: T
    try {
      record = this.#codec.decode(bytes)
    } catch (error) {
      if (!(error instanceof MessageMalformedError)) throw error
      return no('malformed', messageOf(error))
    }
    const { group, voice } = record
    if (!rules.isNeighbour(group) || !this.#belongs(record)) return no('orphan', `${group} is no group next to this one`)
    if (!rules.mayCarry(carrier, group))
      return no('wrong-sender', `${carrier} is no delegate that may carry the record of ${group}`)
    if (!rules.mayVoice(voice, group)) return no('wrong-sender', `${voice} does not vote where it speaks for ${group}`)
    if (record.untilMs <= nowMs) return no('stale', `the record of ${group} held until ${nowMs - record.untilMs} ms ago`)
    if (record.atMs > nowMs + RECORD_SKEW_MAX_MS) return no('stale', `the record of ${group} is by a clock that is far ahead`)
    const before = this.#spend(group, carrier, nowMs)
    if (before === undefined) return no('flooded', `more records of ${group} than anybody can use`)
    if (!rules.isSigned(voice)) return no('unsigned', `${voice} did not sign the record of ${group}`)
    const isAgain = compareOrder(record, before.last) <= 0
    if (!isAgain) before.last = orderOf(record)
    const kept = this.#kept.get(group)
    const order = kept === undefined ? 1 : compareOrder(record, kept.record)
    if (kept !== undefined && order === 0) {
      return isSame(kept.bytes, bytes)
        ? { taken: true, isNew: false, record: kept.record }
        : no('contradictory', `${voice} says two things of ${group} at once`)
    }
    if (isAgain) return no('replayed', `${carrier} brings an earlier record of ${group} than before`)
    // The other delegate was faster: nothing is wrong with that.
    if (kept !== undefined && order < 0) return { taken: true, isNew: false, record: kept.record }
    this.#kept.set(group, { record, bytes })
    return { taken: true, isNew: true, record }
  }

  /** @returns what is known of the carrier; undefined when it has sent too many */
  #spend(group: GroupId, peer: PeerIdString, nowMs: number): Carrier | undefined {
    let carriers = this.#carriers.get(group)
    if (carriers === undefined) this.#carriers.set(group, (carriers = new Map()))
    let carrier = carriers.get(peer)
    if (carrier === undefined) {
      carrier = { last: { epoch: -1, term: -1, sequence: -1 }, tokens: RECORD_BURST, atMs: nowMs }
      carriers.set(peer, carrier)
      const [oldest] = carriers.keys()
      if (carriers.size > CARRIERS_MAX && oldest !== undefined) carriers.delete(oldest)
    }
    const tokens = Math.min(RECORD_BURST, carrier.tokens + Math.max(0, nowMs - carrier.atMs) / RECORD_REFILL_MS)
    carrier.atMs = Math.max(carrier.atMs, nowMs)
    carrier.tokens = tokens < 1 ? tokens : tokens - 1
    return tokens < 1 ? undefined : carrier
  }
}

const no = (refusal: RecordRefusal, what: string): { taken: false; refusal: RecordRefusal; what: string } => ({
  taken: false,
  refusal,
  what,
})

const orderOf = ({ epoch, term, sequence }: RecordOrder): RecordOrder => ({ epoch, term, sequence })

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}
