import type { PeerIdString, Random } from '@vsmcp/kernel'
import type { Evidence, MembershipEffect, MemberState } from './contract.ts'
import { PeerCircle } from './peer-circle.ts'
import type { Suspicion } from './suspicion.ts'

/** What is held of one member. */
export interface Known {
  readonly peer: PeerIdString
  state: MemberState
  sinceMs: number
  why: Evidence
  /** In the group's list; the words of others count nothing. */
  isListed: boolean
  /** -1: never heard of. */
  incarnation: number
  signature: Uint8Array | undefined
  /** The last word over its own connection. */
  heardAtMs: number
  suspicion: Suspicion | undefined
  /** The incarnation at which it was accused: it must be told, so that it can answer. */
  accused: number | undefined
  /** Its share of the digest. */
  counted: number
}

/** All members, those to be told of in turn, and a digest of what is held of them, each kept up in constant time. */
export class MemberTable {
  /** Members of the group. */
  readonly listed: PeerCircle
  readonly #members = new Map<PeerIdString, Known>()
  readonly #emit: (effect: MembershipEffect) => void
  #digest = 0

  constructor(random: Random, emit: (effect: MembershipEffect) => void) {
    this.listed = new PeerCircle(random)
    this.#emit = emit
  }

  get size(): number {
    return this.#members.size
  }

  get(peer: PeerIdString): Known | undefined {
    return this.#members.get(peer)
  }

  values(): Iterable<Known> {
    return this.#members.values()
  }

  add(peer: PeerIdString, state: MemberState, why: Evidence, nowMs: number): Known {
    const before = this.#members.get(peer)
    const known: Known = {
      peer,
      state,
      sinceMs: nowMs,
      why,
      isListed: before?.isListed ?? false,
      incarnation: before?.incarnation ?? -1,
      signature: before?.signature,
      heardAtMs: before?.heardAtMs ?? nowMs,
      suspicion: undefined,
      accused: undefined,
      counted: before?.counted ?? 0,
    }
    this.#members.set(peer, known)
    this.#emit({ type: 'state', peer, from: before?.state ?? null, to: state, why })
    this.recount(known)
    return known
  }

  list(known: Known): void {
    known.isListed = true
    this.listed.add(known.peer)
    this.recount(known)
  }

  unlist(known: Known): void {
    known.isListed = false
    this.listed.delete(known.peer)
    this.recount(known)
  }

  delete(peer: PeerIdString): void {
    const known = this.#members.get(peer)
    if (known === undefined) return
    this.unlist(known)
    this.#members.delete(peer)
  }

  enter(known: Known, to: MemberState, why: Evidence, nowMs: number): void {
    known.why = why
    const from = known.state
    if (from === to) return
    known.state = to
    known.sinceMs = nowMs
    this.recount(known)
    this.#emit({ type: 'state', peer: known.peer, from, to, why })
  }

  /** After a change of state or incarnation. */
  recount(known: Known): void {
    const { peer, isListed, incarnation, state } = known
    const share = isListed && incarnation >= 0 ? shareOf(peer, incarnation, state === 'failed') : 0
    this.#digest = (this.#digest - known.counted + share) >>> 0
    known.counted = share
  }

  /** The same for all that hold the same of the same members, whoever asks. */
  digestWith(self: PeerIdString, incarnation: number): number {
    return (this.#digest + shareOf(self, incarnation, false)) >>> 0
  }
}

/** FNV-1a over what is held of one member; shares are added, so the order does not matter. */
function shareOf(peer: PeerIdString, incarnation: number, isFailed: boolean): number {
  let hash = 0x811c9dc5
  for (const character of `${peer} ${incarnation} ${isFailed}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
  }
  return hash >>> 0
}
