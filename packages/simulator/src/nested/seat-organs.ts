import type { GroupId, PeerIdString } from '@vsmcp/kernel'
import {
  type CarriedRecord,
  compareOrder,
  type Count,
  decodeMessage,
  DELEGATE_STAGGER_MS,
  encodeMessage,
  type GroupRecord,
  type ParentRecord,
  type RecordOrder,
  type RecordRules,
  type RecordVerdict,
  ReportJudge,
  type UnitReport,
} from '@vsmcp/vsm'
import { sameBytes, signatureOf } from '../authority.ts'
import { AlertCarrier } from './alert-carrier.ts'
import { DelegateKeeping } from './delegate-keeping.ts'
import type { Node, Offer } from './node.ts'
import type { Seat } from './seat.ts'
import { Voice } from './voice.ts'
import { wireSize } from './wire-size.ts'
import type { NestedWorld } from './world.ts'

/** Milliseconds between measurements of a unit, and so between its reports. */
const REPORT_PERIOD_MS = 5_000

/** Milliseconds between looks of a leader at what it has to tell and to keep. */
const DUTY_PERIOD_MS = 1_000

/** A record on its way: bytes, the signature of its voice, and the child group that it is of, or for. */
export interface SignedRecord {
  readonly about: GroupId
  readonly order: RecordOrder
  readonly bytes: Uint8Array
  readonly voice: PeerIdString
  readonly signature: Uint8Array
}

/** What the systems of a node do in one of its groups. */
export class SeatOrgans {
  readonly reports = new Map<PeerIdString, UnitReport>()
  readonly varieties = new Map<PeerIdString, readonly Count[]>()
  readonly judge = new ReportJudge()
  readonly #world: NestedWorld
  readonly #seat: Seat
  readonly #voice: Voice
  readonly #alerts: AlertCarrier
  readonly #keeping: DelegateKeeping
  readonly #hosts = new Map<string, PeerIdString>()
  /** The newest records that this node carries as a delegate: up into its parent, down into its home. */
  readonly #carried = new Map<GroupId, SignedRecord>()
  #ordinal = 0

  constructor(world: NestedWorld, seat: Seat) {
    this.#world = world
    this.#seat = seat
    this.#voice = new Voice(world, seat)
    this.#alerts = new AlertCarrier(world, seat)
    this.#keeping = new DelegateKeeping(world, seat)
  }

  get isHome(): boolean {
    return this.#seat.node.home === this.#seat
  }

  start(): void {
    if (this.isHome) {
      this.#takeOffer(this.#seat.node.id, this.#seat.node.offer())
      this.#world.after(this.#world.between(0, REPORT_PERIOD_MS), () => this.#report())
    }
    this.#world.after(this.#world.between(0, DUTY_PERIOD_MS), () => this.#duty())
  }

  docketChanged(): void {
    this.#alerts.look()
    // Of the group below, where this node is its delegate: what was decided here is of interest there.
    if (!this.isHome) this.#seat.node.home.organs.docketChangedAbove()
  }

  docketChangedAbove(): void {
    this.#alerts.look()
  }

  tookOffice(): void {
    this.#voice.speak()
  }

  /** A connection to a member stands: each tells the other what it may have missed. */
  met(other: Node): void {
    const { node } = this.#seat
    if (this.isHome) this.#tell(other, node.offer())
    for (const record of this.#carried.values()) this.#bring(other, record)
  }

  // ── Offers ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** This node offers something else than before. */
  offerChanged(): void {
    const { node, group } = this.#seat
    node.version++
    this.#takeOffer(node.id, node.offer())
    for (const peer of this.#seat.peers) {
      const other = this.#world.node(peer)
      if (other?.seats.has(group.id) === true) this.#tell(other, node.offer())
    }
  }

  /** Who offers it, of those that are there. */
  hostOf(tool: string): PeerIdString | undefined {
    const host = this.#hosts.get(tool)
    return host !== undefined && this.#seat.isAlive(host) ? host : undefined
  }

  /** Names listed in the group. */
  get tools(): Iterable<string> {
    return this.#hosts.keys()
  }

  /** Changes with what is offered. */
  offersVersion = 0

  #tell(other: Node, offer: Offer): void {
    const { node, group } = this.#seat
    const seat = other.seats.get(group.id)
    if (seat !== undefined) this.#world.send(node, other, 'offers', wireSize(offer), () => seat.organs.#takeOffer(node.id, offer))
  }

  #takeOffer(peer: PeerIdString, offer: Offer): void {
    const { offers } = this.#seat
    const before = offers.get(peer)
    if (before !== undefined && before.version >= offer.version) return
    for (const tool of before?.tools ?? []) this.#hosts.delete(tool)
    for (const tool of offer.tools) this.#hosts.set(tool, peer)
    offers.set(peer, offer)
    this.offersVersion++
  }

  // ── Reports ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #report(): void {
    const { node, group } = this.#seat
    if (!this.#seat.isOpen) return
    this.#world.after(REPORT_PERIOD_MS, () => this.#report())
    const figures = node.measure(this.#world.nowMs)
    if (figures === undefined) return
    const { windowMs, calls, errors, inFlight, answered, turnedAway, queued, actuality, capability, potentiality } = figures
    const latencyMs = calls === 0 ? null : (figures.meanInFlight * windowMs) / Math.max(1, answered)
    const report: UnitReport = {
      unit: node.unit,
      windowMs,
      calls,
      errors,
      inFlight,
      latencyP50Ms: latencyMs,
      latencyP99Ms: latencyMs,
      measured: {
        life: 0,
        ordinal: this.#ordinal,
        answered,
        turnedAway,
        queued,
        latencyMaxMs: latencyMs,
        actuality,
        capability,
        potentiality,
        callers: [],
        digest: null,
      },
    }
    const sequence = this.#ordinal++
    const channel = { kind: 'report', from: 'system1', to: 'system3' } as const
    const bytes = encodeMessage('unit', { channel, node: node.id, sequence, atMs: this.#world.wallMs, body: report })
    this.#hearReport(node.id, bytes)
    for (const peer of this.#seat.peers) {
      const other = this.#world.node(peer)
      const seat = other?.seats.get(group.id)
      if (other !== undefined && seat !== undefined) {
        this.#world.send(node, other, 'reports', bytes.length, () => seat.organs.#hearReport(node.id, bytes))
      }
    }
  }

  #hearReport(from: PeerIdString, bytes: Uint8Array): void {
    const { node, sequence, atMs, body: report } = decodeMessage('unit', bytes, from)
    const isHost = this.#seat.state?.units.get(report.unit)?.peer === node
    const { taken } = this.judge.judge({ node, sequence, atMs, report }, isHost, this.#world.nowMs, this.#world.wallMs)
    if (taken) this.reports.set(from, report)
  }

  // ── Duties ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #duty(): void {
    if (!this.#seat.isOpen) return
    this.#world.after(DUTY_PERIOD_MS, () => this.#duty())
    this.#seat.recursion.tick(this.#world.wallMs)
    if (!this.#seat.isLeader) return
    this.#voice.speak()
    this.#voice.askVarieties()
    this.#keeping.look()
    this.#seat.keepConfiguration()
  }

  // ── Records ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A record that this node, a delegate, carries into the seat's group: at once if it is its turn of those there, else when nobody has done so. */
  carry(record: SignedRecord): void {
    const { about, order } = record
    this.#carried.set(about, record)
    const alive = this.#delegates(about).filter((peer) => this.#seat.isAlive(peer))
    const rank = (Math.max(0, alive.toSorted().indexOf(this.#seat.node.id)) + order.sequence) % Math.max(1, alive.length)
    if (rank === 0) this.#bringToAll(record)
    else {
      this.#world.after(rank * DELEGATE_STAGGER_MS, () => {
        const { recursion } = this.#seat
        const known = about === this.#seat.group.id ? recursion.parent : recursion.child(about)
        if (this.#carried.get(about) !== record || (known !== undefined && compareOrder(known, order) >= 0)) return
        this.#bringToAll(record)
      })
    }
  }

  /** Who carries records between this group and the other one. */
  #delegates(about: GroupId): readonly PeerIdString[] {
    const { group, offers } = this.#seat
    if (about !== group.id) return this.#seat.delegatesOf(about)
    return [...offers].flatMap(([peer, { isDelegate }]) => (isDelegate ? [peer] : []))
  }

  #bringToAll(record: SignedRecord): void {
    const { node, group } = this.#seat
    this.hearRecord(record, node.id)
    for (const peer of this.#seat.peers) {
      const other = this.#world.node(peer)
      if (other?.seats.has(group.id) === true) this.#bring(other, record)
    }
  }

  #bring(other: Node, record: SignedRecord): void {
    const { node, group } = this.#seat
    const seat = other.seats.get(group.id)
    if (seat === undefined) return
    this.#world.send(node, other, 'records', wireSize(record), () => seat.organs.hearRecord(record, node.id))
  }

  hearRecord(record: SignedRecord, carrier: PeerIdString): void {
    const { about, bytes, voice, signature } = record
    const carried: CarriedRecord = { bytes, carrier }
    const isSigned = (by: PeerIdString): boolean => by === voice && sameBytes(signature, signatureOf({ peer: by }, bytes))
    const { recursion } = this.#seat
    const { wallMs } = this.#world
    const isFromAbove = about === this.#seat.group.id
    const verdict: RecordVerdict<GroupRecord> | RecordVerdict<ParentRecord> = isFromAbove
      ? recursion.fromAbove(carried, { ...this.#rulesAbove, isSigned }, wallMs)
      : recursion.fromBelow(carried, { ...this.#rulesBelow, isSigned }, wallMs)
    this.#world.sawVerdict(this.#seat, carrier, record, verdict)
  }

  get #rulesBelow(): Omit<RecordRules, 'isSigned'> {
    return {
      isNeighbour: (group) => this.#seat.state?.groups.has(group) === true,
      mayCarry: (carrier, group) => this.#seat.delegatesOf(group).includes(carrier),
      mayVoice: (voice, group) => this.#world.votersOf(group).includes(voice),
    }
  }

  get #rulesAbove(): Omit<RecordRules, 'isSigned'> {
    const { group } = this.#seat
    return {
      isNeighbour: (about) => about === group.id,
      mayCarry: (carrier) => this.#seat.isMember(carrier),
      mayVoice: (voice) => group.parent !== undefined && this.#world.votersOf(group.parent.id).includes(voice),
    }
  }

  storedBytes(): number {
    return wireSize([...this.reports]) + wireSize([...this.varieties]) + wireSize([...this.#carried.values()])
  }
}
