import { BusyError, InvalidArgumentError, type PeerIdString } from '@vsmcp/kernel'
import {
  DIAL_TIMEOUT_MS,
  DIALS_MAX,
  GRACE_MAX_MS,
  LAG_MAX_MS,
  LASTING_MS,
  MEMBERS_MAX,
  PROBE_PERIOD_MS,
  REDIAL_BASE_MS,
  REDIAL_MAX_MS,
  STALL_MS,
  UNSEEN_MS,
  YIELD_MS,
} from './constants.ts'
import type { DialFailure, Member, MembershipComponents, MembershipEffect, MembershipInit, MembershipView } from './contract.ts'
import { earliest } from './agenda.ts'
import { Detector } from './detector.ts'
import { Dialing } from './dialing.ts'
import { type Known, MemberTable } from './member-table.ts'
import type { MembershipMessage } from './message.ts'

/** See `MembershipView`. Who is there is the detector's business, whom to dial the dialing's; this leads each event to both. */
export class MemberView implements MembershipView {
  readonly #init: Required<MembershipInit>
  readonly #table: MemberTable
  readonly #dialing: Dialing
  readonly #detector: Detector
  #effects: MembershipEffect[] = []
  /** When the time should be told next. */
  #wantedAtMs: number | undefined

  constructor(init: MembershipInit, components: MembershipComponents) {
    this.#init = {
      incarnation: 0,
      redialBaseMs: REDIAL_BASE_MS,
      redialMaxMs: REDIAL_MAX_MS,
      unseenMs: UNSEEN_MS,
      dialsMax: DIALS_MAX,
      dialTimeoutMs: DIAL_TIMEOUT_MS,
      yieldMs: YIELD_MS,
      lastingMs: LASTING_MS,
      probePeriodMs: PROBE_PERIOD_MS,
      lifeguard: true,
      ...init,
    }
    const emit = (effect: MembershipEffect): void => void this.#effects.push(effect)
    this.#table = new MemberTable(components.random, emit)
    this.#dialing = new Dialing(this.#init, components.random)
    const isConnected = (peer: PeerIdString): boolean => this.#dialing.isConnected(peer)
    this.#detector = new Detector(this.#init, components, { table: this.#table, isConnected, emit })
  }

  get healthScore(): number {
    return this.#detector.health.score
  }

  memberAdded(peer: PeerIdString, addresses: readonly string[], nowMs: number): MembershipEffect[] {
    if (peer === this.#init.self) throw new InvalidArgumentError('a node is no member of its own view')
    const known = this.#table.get(peer)
    if (known === undefined && this.#table.size >= MEMBERS_MAX) {
      throw new BusyError(`the view holds ${MEMBERS_MAX} members already`, { hint: 'Split the group.' })
    }
    return this.#turn(nowMs, () => {
      if (known !== undefined && known.state !== 'left') {
        this.#table.list(known)
        this.#dialing.learned(peer, addresses, nowMs)
        return
      }
      this.#dialing.add(peer, addresses, nowMs)
      const isConnected = this.#dialing.isConnected(peer)
      const added = isConnected
        ? this.#table.add(peer, 'alive', { kind: 'connected' }, nowMs)
        : this.#table.add(peer, 'suspect', { kind: 'unseen' }, nowMs)
      this.#table.list(added)
      if (isConnected) this.#detector.connected(added, nowMs)
      else this.#detector.unseen(added)
    })
  }

  memberRemoved(peer: PeerIdString, nowMs: number): MembershipEffect[] {
    return this.#turn(nowMs, () => {
      this.#detector.forget(peer, nowMs)
      this.#dialing.remove(peer)
      this.#table.delete(peer)
    })
  }

  memberLeft(peer: PeerIdString, nowMs: number): MembershipEffect[] {
    return this.#turn(nowMs, () => {
      const known = this.#table.get(peer)
      if (known === undefined) return
      this.#detector.forget(peer, nowMs)
      this.#dialing.stop(peer)
      known.suspicion = undefined
      known.accused = undefined
      this.#table.unlist(known)
      this.#table.enter(known, 'left', { kind: 'left' }, nowMs)
    })
  }

  connected(peer: PeerIdString, nowMs: number): MembershipEffect[] {
    return this.#turn(nowMs, () => {
      // One that left and is here again has joined again; the docket will say so, and until then it counts as it is.
      const known = this.#table.get(peer) ?? this.#met(peer, nowMs)
      if (known === undefined) return
      this.#dialing.connected(peer, nowMs)
      this.#detector.connected(known, nowMs)
    })
  }

  disconnected(peer: PeerIdString, nowMs: number): MembershipEffect[] {
    return this.#turn(nowMs, () => {
      const known = this.#table.get(peer)
      if (known === undefined || !this.#dialing.isConnected(peer)) return
      this.#dialing.disconnected(peer, nowMs)
      this.#detector.disconnected(known, nowMs)
    })
  }

  dialSucceeded(peer: PeerIdString, nowMs: number): MembershipEffect[] {
    return this.#turn(nowMs, () => this.#dialing.succeeded(peer, nowMs))
  }

  dialFailed(peer: PeerIdString, nowMs: number, why: DialFailure): MembershipEffect[] {
    return this.#turn(nowMs, () => {
      const known = this.#table.get(peer)
      if (this.#dialing.failed(peer, nowMs) && known !== undefined && why === 'refused') this.#detector.refused(known, nowMs)
    })
  }

  addressesLearned(peer: PeerIdString, addresses: readonly string[], nowMs: number): MembershipEffect[] {
    return this.#turn(nowMs, () => this.#dialing.learned(peer, addresses, nowMs))
  }

  received(from: PeerIdString, message: MembershipMessage, nowMs: number): MembershipEffect[] {
    return this.#turn(nowMs, () => {
      const known = this.#table.get(from)
      if (known !== undefined && this.#dialing.isConnected(from)) this.#detector.received(known, message, nowMs)
    })
  }

  connectionWanted(peer: PeerIdString, nowMs: number): MembershipEffect[] {
    return this.#turn(nowMs, () => this.#dialing.wanted(peer, nowMs))
  }

  connectionsNeeded(peers: ReadonlySet<PeerIdString>, nowMs: number): MembershipEffect[] {
    return this.#turn(nowMs, () => this.#dialing.need(peers, nowMs))
  }

  lagMeasured(loopLagMs: number): void {
    const lagMs = Math.min(LAG_MAX_MS, Math.max(0, loopLagMs))
    this.#detector.lagMeasured(lagMs)
    this.#dialing.lagMeasured(lagMs)
  }

  tick(nowMs: number): MembershipEffect[] {
    return this.#turn(nowMs, () => {})
  }

  nextTickAtMs(): number | undefined {
    return earliest(this.#dialing.nextTickAtMs(), this.#detector.nextTickAtMs())
  }

  members(): readonly Member[] {
    return [...this.#table.values()].map((known) => this.#asMember(known))
  }

  member(peer: PeerIdString): Member | undefined {
    const known = this.#table.get(peer)
    return known === undefined ? undefined : this.#asMember(known)
  }

  /** A verified peer that nobody has listed yet: it joined a moment ago. */
  #met(peer: PeerIdString, nowMs: number): Known | undefined {
    if (peer === this.#init.self || this.#table.size >= MEMBERS_MAX) return undefined
    this.#dialing.add(peer, [], nowMs)
    return this.#table.add(peer, 'alive', { kind: 'connected' }, nowMs)
  }

  /** Carries out one event, then what is due by now, and gives all that comes of it. */
  #turn(nowMs: number, act: () => void): MembershipEffect[] {
    const lateMs = this.#wantedAtMs === undefined ? 0 : nowMs - this.#wantedAtMs
    if (lateMs >= STALL_MS) this.#detector.stalled(nowMs + Math.min(lateMs, GRACE_MAX_MS))
    act()
    this.#detector.tick(nowMs)
    for (const effect of this.#effects) {
      if (effect.type === 'state') this.#dialing.vouched(effect.peer, effect.to === 'alive', nowMs)
    }
    this.#effects.push(...this.#dialing.tick(nowMs))
    this.#wantedAtMs = this.nextTickAtMs()
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  #asMember({ peer, state, sinceMs, why, incarnation }: Known): Member {
    const { addresses, attempts, isConnected } = this.#dialing.of(peer)
    return { peer, state, sinceMs, why, isConnected, incarnation, addresses, attempts }
  }
}
