import { backoffMs, BusyError, InvalidArgumentError, type PeerIdString } from '@vsmcp/kernel'
import {
  ADDRESSES_MAX,
  DIAL_TIMEOUT_MS,
  DIALS_MAX,
  LASTING_MS,
  MEMBERS_MAX,
  REDIAL_BASE_MS,
  REDIAL_MAX_MS,
  SUSPICION_MS,
  YIELD_MS,
} from './constants.ts'
import type {
  DialFailure,
  Member,
  MembershipComponents,
  MembershipEffect,
  MembershipInit,
  MembershipView,
  MemberState,
} from './contract.ts'

interface Known {
  state: MemberState
  sinceMs: number
  addresses: readonly string[]
  attempts: number
  connectedAtMs: number | undefined
  /** When the dial under way counts as timed out. */
  dialingUntilMs: number | undefined
  /** When the next dial is due; undefined while connected, dialing, or gone for good. */
  dialAtMs: number | undefined
  /** When the last dial began. */
  dialedAtMs: number
}

const NEVER_MS = Number.NEGATIVE_INFINITY

/** See `MembershipView`. One record per member; every answer is computed from it and the time given. */
export class ConnectionView implements MembershipView {
  readonly #init: Required<MembershipInit>
  readonly #components: MembershipComponents
  readonly #members = new Map<PeerIdString, Known>()

  constructor(init: MembershipInit, components: MembershipComponents) {
    this.#init = {
      redialBaseMs: REDIAL_BASE_MS,
      redialMaxMs: REDIAL_MAX_MS,
      suspicionMs: SUSPICION_MS,
      dialsMax: DIALS_MAX,
      dialTimeoutMs: DIAL_TIMEOUT_MS,
      yieldMs: YIELD_MS,
      lastingMs: LASTING_MS,
      ...init,
    }
    this.#components = components
  }

  memberAdded(peer: PeerIdString, addresses: readonly string[], nowMs: number): MembershipEffect[] {
    if (peer === this.#init.self) throw new InvalidArgumentError('a node is no member of its own view')
    const known = this.#members.get(peer)
    if (known !== undefined && known.state !== 'left') return this.addressesLearned(peer, addresses, nowMs)
    if (known === undefined && this.#members.size >= MEMBERS_MAX) {
      throw new BusyError(`the view holds ${MEMBERS_MAX} members already`, { hint: 'Split the group.' })
    }
    const connectedAtMs = known?.connectedAtMs
    const state = connectedAtMs === undefined ? 'suspect' : 'alive'
    this.#members.set(peer, {
      state,
      sinceMs: nowMs,
      addresses: bounded(addresses),
      attempts: 0,
      connectedAtMs,
      dialingUntilMs: undefined,
      dialAtMs: connectedAtMs === undefined ? nowMs + this.#yieldTo(peer) : undefined,
      dialedAtMs: NEVER_MS,
    })
    return [{ type: 'state', peer, from: known?.state ?? null, to: state }, ...this.tick(nowMs)]
  }

  memberRemoved(peer: PeerIdString, nowMs: number): MembershipEffect[] {
    this.#members.delete(peer)
    return this.tick(nowMs)
  }

  memberLeft(peer: PeerIdString, nowMs: number): MembershipEffect[] {
    const member = this.#members.get(peer)
    if (member === undefined) return []
    member.dialingUntilMs = undefined
    member.dialAtMs = undefined
    return [...this.#enter(peer, member, 'left', nowMs), ...this.tick(nowMs)]
  }

  connected(peer: PeerIdString, nowMs: number): MembershipEffect[] {
    const member = this.#members.get(peer)
    // One that left and is here again has joined again; the docket will say so, and until then it counts as it is.
    if (member === undefined) return this.#met(peer, nowMs)
    member.connectedAtMs ??= nowMs
    // A dial of ours under way holds its place until it is reported on: it still costs a socket.
    member.dialAtMs = undefined
    return [...this.#enter(peer, member, 'alive', nowMs), ...this.tick(nowMs)]
  }

  disconnected(peer: PeerIdString, nowMs: number): MembershipEffect[] {
    const member = this.#members.get(peer)
    if (member === undefined || member.connectedAtMs === undefined) return []
    if (nowMs - member.connectedAtMs >= this.#init.lastingMs) member.attempts = 0
    member.connectedAtMs = undefined
    if (member.state === 'left') return []
    // At once, unless that was tried already and did not last either.
    member.dialAtMs = nowMs + (member.attempts <= 1 ? this.#yieldTo(peer) : this.#backoff(member))
    return [...this.#enter(peer, member, 'suspect', nowMs), ...this.tick(nowMs)]
  }

  dialSucceeded(peer: PeerIdString, nowMs: number): MembershipEffect[] {
    const member = this.#members.get(peer)
    if (member === undefined || member.dialingUntilMs === undefined) return []
    member.dialingUntilMs = undefined
    // `connected` comes with the hello; should it not, the dial is tried again.
    if (member.connectedAtMs === undefined && member.state !== 'left') member.dialAtMs = nowMs + this.#backoff(member)
    return this.tick(nowMs)
  }

  dialFailed(peer: PeerIdString, nowMs: number, why: DialFailure): MembershipEffect[] {
    const member = this.#members.get(peer)
    if (member === undefined || member.dialingUntilMs === undefined) return []
    member.dialingUntilMs = undefined
    if (member.connectedAtMs !== undefined || member.state === 'left') return this.tick(nowMs)
    member.dialAtMs = nowMs + this.#backoff(member)
    const failed = why === 'refused' ? this.#enter(peer, member, 'failed', nowMs) : []
    return [...failed, ...this.tick(nowMs)]
  }

  addressesLearned(peer: PeerIdString, addresses: readonly string[], nowMs: number): MembershipEffect[] {
    const member = this.#members.get(peer)
    if (member === undefined) return []
    const before = member.addresses
    // The newest first: a restarted peer is where it says it is now.
    member.addresses = bounded([...addresses, ...before])
    const news = member.addresses.some((address) => !before.includes(address))
    if (news && member.dialAtMs !== undefined) {
      // Not faster than the first back-off, however often somebody sends other addresses.
      member.dialAtMs = Math.min(member.dialAtMs, Math.max(nowMs, member.dialedAtMs + this.#init.redialBaseMs))
    }
    return this.tick(nowMs)
  }

  tick(nowMs: number): MembershipEffect[] {
    const effects: MembershipEffect[] = []
    let dialing = 0
    for (const [peer, member] of this.#members) {
      if (member.dialingUntilMs !== undefined && member.dialingUntilMs <= nowMs) {
        member.dialingUntilMs = undefined
        if (member.connectedAtMs === undefined) member.dialAtMs = nowMs + this.#backoff(member)
      }
      if (member.dialingUntilMs !== undefined) dialing++
      if (member.state === 'suspect' && nowMs - member.sinceMs >= this.#init.suspicionMs) {
        effects.push(...this.#enter(peer, member, 'failed', nowMs))
      }
    }
    for (const [peer, member] of this.#due(nowMs)) {
      if (dialing >= this.#init.dialsMax) break
      dialing++
      member.dialAtMs = undefined
      member.dialingUntilMs = nowMs + this.#init.dialTimeoutMs
      member.dialedAtMs = nowMs
      effects.push({ type: 'dial', peer, addresses: member.addresses, attempt: member.attempts++ })
    }
    return effects
  }

  nextTickAtMs(): number | undefined {
    let next = Number.POSITIVE_INFINITY
    let dialing = 0
    let dialAt = Number.POSITIVE_INFINITY
    for (const { state, sinceMs, dialingUntilMs, dialAtMs, addresses } of this.#members.values()) {
      if (state === 'suspect') next = Math.min(next, sinceMs + this.#init.suspicionMs)
      if (dialingUntilMs !== undefined) {
        dialing++
        next = Math.min(next, dialingUntilMs)
      } else if (dialAtMs !== undefined && addresses.length > 0) dialAt = Math.min(dialAt, dialAtMs)
    }
    // With all dials taken, the end of one of them gives the next its turn.
    if (dialing < this.#init.dialsMax) next = Math.min(next, dialAt)
    return Number.isFinite(next) ? next : undefined
  }

  members(): readonly Member[] {
    return [...this.#members].map(([peer, member]) => asMember(peer, member))
  }

  member(peer: PeerIdString): Member | undefined {
    const member = this.#members.get(peer)
    return member === undefined ? undefined : asMember(peer, member)
  }

  /** A verified peer that nobody has listed yet: it joined a moment ago. */
  #met(peer: PeerIdString, nowMs: number): MembershipEffect[] {
    if (peer === this.#init.self || this.#members.size >= MEMBERS_MAX) return []
    this.#members.set(peer, {
      state: 'alive',
      sinceMs: nowMs,
      addresses: [],
      attempts: 0,
      connectedAtMs: nowMs,
      dialingUntilMs: undefined,
      dialAtMs: undefined,
      dialedAtMs: NEVER_MS,
    })
    return [{ type: 'state', peer, from: null, to: 'alive' }]
  }

  #due(nowMs: number): [PeerIdString, Known][] {
    return [...this.#members]
      .filter(
        ([, { dialAtMs, dialingUntilMs, addresses }]) =>
          dialAtMs !== undefined && dialAtMs <= nowMs && dialingUntilMs === undefined && addresses.length > 0,
      )
      .sort(([, a], [, b]) => (a.dialAtMs ?? 0) - (b.dialAtMs ?? 0))
  }

  #enter(peer: PeerIdString, member: Known, to: MemberState, nowMs: number): MembershipEffect[] {
    const from = member.state
    if (from === to) return []
    member.state = to
    member.sinceMs = nowMs
    return [{ type: 'state', peer, from, to }]
  }

  /** The lower PeerId dials first, so that two nodes that lose each other do not dial at the same moment. */
  #yieldTo(peer: PeerIdString): number {
    return this.#init.self < peer ? 0 : this.#init.yieldMs
  }

  #backoff({ attempts }: Known): number {
    const { redialBaseMs, redialMaxMs } = this.#init
    return backoffMs(Math.max(0, attempts - 1), this.#components.random, { baseMs: redialBaseMs, maxMs: redialMaxMs })
  }
}

function bounded(addresses: readonly string[]): readonly string[] {
  return [...new Set(addresses)].slice(0, ADDRESSES_MAX)
}

function asMember(peer: PeerIdString, { state, sinceMs, addresses, attempts }: Known): Member {
  return { peer, state, sinceMs, addresses, attempts }
}
