import { delegatesOf, type GroupEffect } from '@vsmcp/consensus'
import {
  type Clock,
  Emitter,
  type GroupId,
  InvalidArgumentError,
  type Logger,
  messageOf,
  NotSentError,
  type PeerIdString,
  type Plane,
  type Startable,
  telemetry,
  type Timer,
} from '@vsmcp/kernel'
import { type Chain, type Identity, oldestVouching } from '@vsmcp/security'
import type { SharedRecord, SharedState } from '@vsmcp/state'
import { compareOrder, DELEGATE_STAGGER_MS, GroupRecursion, RECORD_GAP_MS, type RecursionEffect } from '@vsmcp/vsm'
import { CARRY_DEADLINE_MS } from '../constants.ts'
import type { Members } from '../members/members.ts'
import type { GroupLog } from '../system5/group-log.ts'
import { childPlaces, untoldOf } from './child-places.ts'
import { type Delegates, DELEGATES_COLLECTION } from './delegates.ts'
import type { Foreigners } from './foreigners.ts'
import type { Memberships } from './memberships.ts'
import { CHAINS_COLLECTION, type NeighbourChains } from './neighbour-chains.ts'
import type { NeighboursMemory } from './neighbours-memory.ts'
import { RecordOffers } from './record-offers.ts'
import { fromDocument, fromLeader, isSignedBy, type SignedRecord, signRecord, toDelegate, toDocument } from './signed-record.ts'
import type { FromAbove } from './from-above.ts'
import type { OwnAccount } from './own-account.ts'
import type { OwnPlace } from './own-place.ts'

/** Collection of a group's document in which delegates carry records of the groups below, and that of the one above; by the child's id. */
const RECORDS_COLLECTION = 'records'

const CARRY = 'recursion:carry'

const told = telemetry('vsmcp:recursion:record')

export interface GroupRecordsComponents {
  identity: Identity
  mesh: string
  group: GroupId
  place: Pick<OwnPlace, 'parent' | 'path'>
  log: Pick<GroupLog, 'state' | 'status' | 'isLeader' | 'on'>
  members: Pick<Members, 'isAlive'>
  state: SharedState
  delegates: Delegates
  memberships: Memberships
  chains: NeighbourChains
  account: OwnAccount
  fromAbove: FromAbove
  memory: NeighboursMemory
  /** Whether a member's credential is good for more than its renewal. */
  isInForce: (peer: PeerIdString) => boolean
  foreigners: Foreigners
  /** Of this group, for its members only. */
  control: Plane
  clock: Clock
  logger: Logger
}

/**
 * The shell of `GroupRecursion` in one group. Its leader speaks for the group; delegates carry what it says into the documents of the groups above and
 * below; every member reads there what they brought, and believes what the voices of those groups have signed.
 */
export class GroupRecords implements Startable {
  readonly recursion: GroupRecursion
  readonly #c: GroupRecordsComponents
  /** Of each entry that was looked at which one: it is looked at once. */
  readonly #seen = new Map<string, string>()
  readonly #carried = new Map<GroupId, SignedRecord>()
  readonly #warned = new Set<string>()
  readonly #events: Emitter<{ heard: GroupId }>
  readonly #offers = new RecordOffers((into, record) => this.#handToDelegates(into, record))
  #timers: Timer[] = []
  #offs: (() => void)[] = []

  constructor(components: GroupRecordsComponents) {
    this.#c = components
    const { identity, group, control, log, logger } = components
    this.#events = new Emitter((error) => logger.error({ error: messageOf(error) }, 'a listener of records failed'))
    this.recursion = new GroupRecursion({ self: identity.peerId, group })
    control.handle(CARRY, async ({ peer, payload }) => {
      if (log.status()?.leader !== peer)
        throw new InvalidArgumentError(`${peer} does not lead this group, as far as this node knows`)
      const { into, record } = fromLeader(payload)
      if (record.voice !== peer) throw new InvalidArgumentError(`${peer} hands over what ${record.voice} says`)
      await this.#handOn(into, record)
      return new Uint8Array()
    })
  }

  async start(): Promise<void> {
    const { state, log, clock, memory, memberships, place } = this.#c
    this.recursion.standBelow(place.parent)
    await memory.recall(this.recursion, Math.round(clock.wallMs()))
    this.#offs = [
      state.on('changed', ({ collection, keys }) => {
        if (collection === CHAINS_COLLECTION) this.#lookAtChains(keys)
        else if (collection === RECORDS_COLLECTION) this.#look(keys)
        else if (collection === DELEGATES_COLLECTION) this.#offerAgain()
      }),
      log.on('leader:changed', () => this.#speak()),
      // What was said to it while it was being founded, or its seat begun, nobody could take.
      memberships.on('began', () => this.#offerAgain()),
      log.on('state:installed', () => {
        this.#followPlace()
        this.#lookAtAll()
      }),
      log.on('entry:applied', ({ effects }) => {
        for (const effect of effects) {
          if (effect.type === 'group:moved') this.#followPlace()
          else if (effect.type === 'group:arrived' || effect.type === 'member:joined') this.#lookAtAll()
        }
        // Who is new below hears at once where it stands.
        if (effects.some(({ type }) => TOLD_AT_ONCE.has(type))) this.#speak(true)
      }),
    ]
    this.#timers = [clock.every(RECORD_GAP_MS, () => this.#tick())]
    this.#lookAtAll()
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel()
    for (const off of this.#offs) off()
    await this.#c.memory.settled()
  }

  /** Something new was taken of what the group above, or one below, says of itself: the id is whose record it is, this group's for what came from above. */
  on(event: 'heard', listener: (about: GroupId) => void): () => void {
    return this.#events.on(event, listener)
  }

  /** What the groups above hold this one to. */
  get fromAbove(): FromAbove {
    return this.#c.fromAbove
  }

  /** Path of the group now: as the one above names it, else as it was founded. */
  get path(): string {
    return this.#c.place.path
  }

  /** The group by whose eviction this peer is not let in here; undefined for none. */
  keepsOut(peer: PeerIdString, delegateOf?: GroupId): GroupId | undefined {
    return this.#c.foreigners.keepsOut(this.recursion, peer, delegateOf)
  }

  /** The certified chain of the group above, or of one below; undefined where nothing is known of it yet. */
  chainOf(group: GroupId): Chain | undefined {
    return this.#c.chains.of(group)
  }

  /** Index of the oldest voters of that group whose word for its members still counts. */
  oldestVouching(chain: Chain, nowMs: number): number {
    return oldestVouching(chain, this.#c.memory.heardOf(chain.group), nowMs)
  }

  /** Somebody shows the chain of a group below, in base64url: it counts when it proves itself. */
  hearChain(group: GroupId, chain: string, by: PeerIdString): void {
    if (this.#isNeighbour(group) && this.#c.chains.hear(group, chain, by)) this.#look([group])
  }

  /** Another group stands above: what it says counts now, and what this node carried of the one before is taken back. */
  #followPlace(): void {
    const { group, place, state, logger } = this.#c
    if (!this.recursion.standBelow(place.parent)) return
    if (this.#carried.delete(group)) {
      state
        .remove(RECORDS_COLLECTION, group)
        .catch((error: unknown) => logger.debug({ group, error: messageOf(error) }, 'a record of a former group above stays'))
    }
    this.#seen.clear()
    this.#c.memory.keep(this.recursion)
    this.#lookAtAll()
  }

  // ── What others say ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  #lookAtChains(keys: readonly string[]): void {
    // Whoever spoke before it was known that it votes is heard now.
    if (!this.#c.chains.look(keys, (group) => this.#isNeighbour(group))) return
    for (const seen of this.#seen.keys()) if (keys.includes(seen.split(' ')[0] ?? '')) this.#seen.delete(seen)
    this.#look([...keys, this.#c.group])
  }

  /** What came before it was known that its group is here, or that its carrier is a member, counts now. */
  #lookAtAll(): void {
    this.#lookAtChains(this.#c.state.entries(CHAINS_COLLECTION, { allWriters: true }).map(({ key }) => key))
    this.#look()
  }

  #isNeighbour(group: GroupId): boolean {
    return group === this.#c.place.parent || this.#c.log.state?.groups.has(group) === true
  }

  /** @param keys ids of groups, all by default */
  #look(keys?: readonly string[]): void {
    for (const entry of this.#c.state.entries(RECORDS_COLLECTION, { allWriters: true })) {
      if (keys?.includes(entry.key) !== false) this.#hear(entry)
    }
    this.#c.foreigners.look(this.recursion)
  }

  #hear({ key, writer, epoch, seq, value }: SharedRecord): void {
    const { group, chains, clock, mesh, place, isInForce } = this.#c
    const seen = `${key} ${writer}`
    const which = `${epoch}.${seq}`
    const { state: docket } = this.#c.log
    // One that a place is kept for is heard once it says that it is here; a carrier that the docket does not list yet, once it does.
    if (docket?.members.has(writer) !== true || docket.groups.get(key)?.awaited === true) return
    const speaker = key === group ? place.parent : key
    // Who may speak for it is not known yet, or who carries it renews its credential first: it is heard after that.
    if (speaker === undefined || !isInForce(writer) || chains.votersOf(speaker) === undefined || this.#seen.get(seen) === which)
      return
    this.#seen.set(seen, which)
    const signed = fromDocument(value)
    const bytes = signed?.bytes ?? new Uint8Array()
    const rules = {
      isNeighbour: (about: GroupId) => about === key && (about === group || docket.groups.has(about)),
      mayCarry: (carrier: PeerIdString, about: GroupId) => this.#mayCarry(carrier, about),
      mayVoice: (voice: PeerIdString) => chains.votersOf(speaker)?.includes(voice) === true,
      isSigned: (voice: PeerIdString) => signed !== undefined && signed.voice === voice && isSignedBy(voice, mesh, signed),
    }
    const carried = { bytes, carrier: writer }
    const nowMs = Math.round(clock.wallMs())
    const direction = key === group ? 'down' : 'up'
    const verdict =
      direction === 'down' ? this.recursion.fromAbove(carried, rules, nowMs) : this.recursion.fromBelow(carried, rules, nowMs)
    if (!verdict.taken) this.#refused(key, writer, verdict)
    else if (verdict.isNew) {
      this.#c.memory.keep(this.recursion)
      this.#events.emit('heard', key)
    }
    if (told.hasSubscribers && (!verdict.taken || verdict.isNew)) {
      const refusal = verdict.taken ? null : verdict.refusal
      told.publish({ group, direction, about: key, carrier: writer, refusal, bytes: bytes.length })
    }
  }

  /** Said once of each carrier and reason: who floods fills no log. */
  #refused(about: GroupId, carrier: PeerIdString, { refusal, what }: { refusal: string; what: string }): void {
    const { group, logger } = this.#c
    const key = `${about} ${carrier} ${refusal}`
    if (this.#warned.has(key) || this.#warned.size >= WARNED_MAX) return
    this.#warned.add(key)
    logger.warn({ group, about, carrier, refusal, what }, 'a record of a group was refused')
  }

  /** From above it comes by any member that has a seat there: the voice's signature is what counts. */
  #mayCarry(carrier: PeerIdString, about: GroupId): boolean {
    const { group, log } = this.#c
    return about === group || (log.state !== undefined && delegatesOf(log.state, about).includes(carrier))
  }

  // ── What this group says ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #tick(): void {
    const { clock, log, foreigners } = this.#c
    const { state } = log
    this.recursion.tick(Math.round(clock.wallMs()))
    this.#c.memory.keep(this.recursion)
    if (state !== undefined) {
      this.recursion.keepOnly(
        (group) => state.groups.has(group),
        (peer) => state.members.has(peer),
      )
    }
    foreigners.look(this.recursion)
    this.#offerAgain()
    this.#speak()
  }

  #offerAgain(): void {
    void this.#offers.again((into) => this.#c.log.isLeader && this.#isNeighbour(into))
  }

  #speak(isNews = false): void {
    const { group, log, account, place, clock, fromAbove } = this.#c
    const { state } = log
    const term = log.status()?.term
    const nowMs = Math.round(clock.wallMs())
    const above = place.parent
    if (!log.isLeader) return fromAbove.rest()
    if (state === undefined || term === undefined || !(isNews || this.recursion.maySpeak(nowMs))) return
    if (above === undefined && state.groups.size === 0) return fromAbove.rest()
    // Nobody asks the root for its record.
    if (above !== undefined) account.refresh()
    const office = { epoch: state.charter.epoch, term }
    const children = childPlaces(group, this.path, state, nowMs)
    const untold = untoldOf(state, children, (child) => this.recursion.untold(child, nowMs))
    const now = account.now(state, this.path, fromAbove.follow(state, untold))
    for (const effect of this.recursion.speak(office, now, above, children, nowMs)) this.#handOver(effect)
  }

  /** Delegates of this group carry what goes up; those of a child what goes down to it. */
  #handOver(effect: RecursionEffect): void {
    if (effect.type === 'record:expired') return
    const { identity, mesh, group, place } = this.#c
    const { epoch, term, sequence } = effect.record
    const [about, into] = effect.type === 'record:up' ? [group, place.parent] : [effect.group, effect.group]
    if (into === undefined) return
    void this.#offers.offer(into, signRecord(identity, mesh, { about, order: { epoch, term, sequence }, bytes: effect.bytes }))
  }

  #handToDelegates(into: GroupId, record: SignedRecord): Promise<unknown>[] {
    const { identity, group, log, delegates, control, logger } = this.#c
    const isUp = record.about === group
    const peers = isUp ? delegates.of(into) : log.state === undefined ? [] : delegatesOf(log.state, into)
    return peers.map(async (peer) => {
      try {
        if (peer === identity.peerId) await this.#handOn(into, record)
        else await control.call(peer, CARRY, toDelegate(into, record), { deadlineMs: CARRY_DEADLINE_MS })
      } catch (error) {
        logger.debug({ group, into, peer, error: messageOf(error) }, 'a delegate did not take a record')
        throw error
      }
    })
  }

  async #handOn(into: GroupId, record: SignedRecord): Promise<void> {
    const { memberships, group, chains } = this.#c
    const other = memberships.get(into)
    if (other === undefined) throw new NotSentError('this node has no running seat in the group that the record is for')
    // Up goes what is of this group, down what is for the other one.
    const isNext = into === this.#c.place.parent ? record.about === group : record.about === into
    if (!isNext) throw new InvalidArgumentError(`${into} is not to be told of ${record.about} by ${group}`)
    await chains.show(other.parts.trust.chain)
    await other.parts.records.carry(record, group)
  }

  /** A record for this group, which this node is to carry into its document: at once when it is its turn, else when nobody else has done so. */
  async carry(record: SignedRecord, from: GroupId): Promise<void> {
    const { about, order } = record
    const { clock, logger, group, place } = this.#c
    if (about === group && from !== place.parent) throw new InvalidArgumentError(`${group} does not stand below ${from}`)
    this.#carried.set(about, record)
    const rank = this.#rank(about, order.sequence)
    if (rank === 0) {
      await this.#bring(record)
      return
    }
    clock.after(rank * DELEGATE_STAGGER_MS, () => {
      const known = about === this.#c.group ? this.recursion.parent : this.recursion.child(about)
      if (this.#carried.get(about) !== record || (known !== undefined && compareOrder(known, order) >= 0)) return
      this.#bring(record).catch((error: unknown) =>
        logger.warn({ about, error: messageOf(error) }, 'a record could not be carried'),
      )
    })
  }

  async #bring(record: SignedRecord): Promise<void> {
    const { state, chains, memberships, group, place, clock } = this.#c
    const speaker = record.about === group ? place.parent : record.about
    const chain = memberships.get(speaker ?? '')?.parts.trust.chain
    if (chain !== undefined) await chains.show(chain)
    await state.put(RECORDS_COLLECTION, record.about, toDocument(record), { expiresAtMs: Math.round(clock.wallMs()) + KEPT_MS })
  }

  #rank(about: GroupId, sequence: number): number {
    const { group, log, members, delegates, place, identity } = this.#c
    const all = about === group ? delegates.of(place.parent) : log.state === undefined ? [] : delegatesOf(log.state, about)
    const alive = all.filter((peer) => peer === identity.peerId || members.isAlive(peer)).toSorted()
    return (Math.max(0, alive.indexOf(identity.peerId)) + sequence) % Math.max(1, alive.length)
  }
}

const TOLD_AT_ONCE: ReadonlySet<string> = new Set([
  'group:created',
  'group:arrived',
  'group:renamed',
] satisfies GroupEffect['type'][])

/** Milliseconds an entry stays in the document: past the end of the record itself, so that clocks that differ make it no shorter. */
const KEPT_MS = 10 * 60_000

/** Carriers and reasons of which that is said. */
const WARNED_MAX = 256
