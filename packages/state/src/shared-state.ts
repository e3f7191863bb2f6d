import { Emitter, messageOf, type PeerIdString, StoppedError } from '@vsmcp/kernel'
import { isAmiss } from './amiss.ts'
import { GOSSIP_UPDATE_BYTES_MAX, LIFE_MAX_MS, RESET_INTERVAL_MS } from './constants.ts'
import { StoredDocument } from './document.ts'
import { type Envelope, openEnvelope, type RecordId, recordId } from './envelope.ts'
import { StateRejectedError } from './errors.ts'
import { Gate } from './gate.ts'
import { GroupGossip } from './group-gossip.ts'
import { Hints } from './hints.ts'
import type {
  JsonValue,
  PutOptions,
  SharedRecord,
  SharedState,
  SharedStateComponents,
  SharedStateEvents,
  SharedStateInit,
  SharedStateStats,
} from './index.ts'
import { Intake } from './intake.ts'
import { Lifespans } from './lifespans.ts'
import { OwnWriter, type Wish } from './own-writer.ts'
import { RecordLog } from './record-log.ts'
import { type Change, RecordTable } from './record-table.ts'
import { Repairer } from './repairer.ts'
import { type Rules, rulesOf } from './rules.ts'
import { Synchroniser } from './synchroniser.ts'
import { type GossipMessage, isSame } from './wire.ts'

export class YjsSharedState implements SharedState {
  readonly #topic: string
  readonly #components: SharedStateComponents
  readonly #self: PeerIdString
  readonly #events: Emitter<SharedStateEvents>
  readonly #gate: Gate
  readonly #document: StoredDocument
  readonly #table: RecordTable
  readonly #intake: Intake
  readonly #repairer: Repairer
  readonly #records: RecordLog
  readonly #writer: OwnWriter
  readonly #lifespans: Lifespans
  readonly #sync: Synchroniser
  readonly #hints: Hints
  readonly #gossip: GroupGossip
  /** What this life of the node put: restored should a record of an earlier life turn up that ranks above it. */
  readonly #wishes = new Map<RecordId, Wish>()
  #status: 'new' | 'running' | 'stopped' = 'new'
  #nextResetAtMs = 0

  constructor(init: SharedStateInit, components: SharedStateComponents) {
    const { store, signer, clock, random } = components
    const logger = components.logger.child({ component: 'state' })
    const self = signer.peerId
    const rules = rulesOf(init, components)
    this.#topic = init.topic
    this.#components = { ...components, logger }
    this.#self = self
    this.#events = new Emitter((error) => logger.error({ reason: messageOf(error) }, 'shared state: a listener threw'))
    this.#gate = new Gate((peer) => rules.isMember(peer), clock, logger)
    this.#table = new RecordTable(rules, () => clock.wallMs())
    this.#records = new RecordLog(store, logger)
    this.#document = new StoredDocument({
      store,
      clock,
      random,
      logger,
      onCame: (came) => {
        for (const { key, val } of came) this.#intake.offer(key, val)
      },
      onTouched: (ids) => {
        if (this.#status === 'running') for (const id of ids) this.#repairer.look(id)
      },
      onStored: (update) => this.#spread(update),
    })
    this.#lifespans = new Lifespans({
      self,
      clock,
      all: () => this.#table.all(),
      onLook: () => this.#timeWentOn(),
      onEnded: ({ id }) => this.#repairer.look(id),
      onRenewalDue: ({ record }) => this.#writeAgain({ ...record, options: {} }),
    })
    this.#gossip = new GroupGossip({
      gossip: components.gossip,
      topic: init.topic,
      self,
      gate: this.#gate,
      logger,
      onMessage: (from, message) => this.#hear(from, message),
    })
    this.#intake = this.#makeIntake()
    this.#repairer = this.#makeRepairer(init.repairIntervalMs ?? 1_000)
    this.#writer = this.#makeWriter(rules)
    this.#sync = this.#makeSynchroniser(init.syncIntervalMs ?? 15_000, init.syncTimeoutMs ?? 10_000)
    this.#hints = new Hints({
      self,
      intervalMs: init.hintIntervalMs ?? 1_000,
      clock,
      isMember: (peer) => rules.isMember(peer),
      publish: (update) => this.#gossip.send('hint', update),
      onChanged: (peers) => this.#events.emit('hinted', { peers }),
    })
  }

  async start(): Promise<void> {
    await this.#document.load()
    await this.#loadRecords()
    await this.#writer.start()
    this.#status = 'running'
    this.#table.changesOf(this.#table.keys()) // what was known before is no news
    this.#offerAll()
    for (const { id } of this.#table.all()) this.#repairer.look(id)
    this.#sync.start()
    this.#gossip.start()
    this.#lifespans.look()
  }

  async stop(): Promise<void> {
    if (this.#status === 'stopped') return
    this.#hints.stop()
    this.#status = 'stopped'
    this.#gossip.stop()
    this.#lifespans.stop()
    this.#repairer.stop()
    await this.#sync.stop()
    await this.#writer.idle()
    await this.#intake.idle()
    await this.#records.flush()
    await this.#document.close()
  }

  async put(collection: string, key: string, value: JsonValue, options: PutOptions = {}): Promise<SharedRecord> {
    this.#mustRun()
    const wish: Wish = { collection, key, value, options }
    const { record } = await this.#writer.write(wish)
    this.#wishes.set(recordId(collection, this.#self, key), wish)
    return record
  }

  async remove(collection: string, key: string): Promise<boolean> {
    this.#mustRun()
    const id = recordId(collection, this.#self, key)
    await this.#writer.idle()
    const known = this.#table.of(id)
    if (known === undefined || known.removed) return false
    const wish: Wish = { collection, key, value: undefined, options: {} }
    await this.#writer.write(wish)
    this.#wishes.set(id, wish)
    return true
  }

  get(collection: string, key: string, writer?: PeerIdString): SharedRecord | undefined {
    return this.#table.get(collection, key, writer)
  }

  entries(collection: string, options: { allWriters?: boolean } = {}): SharedRecord[] {
    return this.#table.entries(collection, options.allWriters ?? false)
  }

  on<K extends keyof SharedStateEvents & string>(event: K, listener: (payload: SharedStateEvents[K]) => void): () => void {
    return this.#events.on(event, listener)
  }

  setHint(hint: JsonValue): void {
    this.#mustRun()
    this.#hints.set(hint)
  }

  hints(): ReadonlyMap<PeerIdString, JsonValue> {
    return this.#hints.all()
  }

  peerUp(peer: PeerIdString): void {
    this.#sync.peerUp(peer)
  }

  peerDown(peer: PeerIdString): void {
    this.#sync.peerDown(peer)
  }

  syncWith(peer: PeerIdString): Promise<void> {
    return this.#sync.sync(peer)
  }

  reevaluate(): void {
    this.#gate.prune()
    this.#announce(this.#table.changesOf([...this.#table.keys()]))
  }

  async settled(): Promise<void> {
    await this.#writer.idle()
    await this.#intake.idle()
    await this.#records.flush()
    await this.#document.stored()
  }

  stats(): SharedStateStats {
    const { carrier } = this.#document
    return {
      bytes: carrier.encode().length,
      clients: carrier.clients,
      items: carrier.items,
      records: this.#table.size,
      pendingBytes: carrier.pendingBytes,
      rejected: this.#gate.rejected,
      repaired: this.#repairer.repaired,
    }
  }

  #makeIntake(): Intake {
    const { logger } = this.#components
    return new Intake({
      topic: this.#topic,
      logger,
      verify: (peer, bytes, signature) => this.#components.verify(peer, bytes, signature),
      isKnown: (id, bytes) => isSame(this.#table.of(id)?.bytes ?? new Uint8Array(), bytes),
      onVerified: (good, garbage) => this.#take(good, garbage),
      onOverflowEnded: () => this.#offerAll(),
    })
  }

  #makeRepairer(intervalMs: number): Repairer {
    const { clock, random } = this.#components
    return new Repairer({
      clock,
      random,
      intervalMs,
      isOwn: (id) => this.#table.of(id)?.record.writer === this.#self,
      isAmiss: (id) => !this.#document.isFailing && this.#isAmiss(id),
      repair: (ids) => this.#repair(ids),
    })
  }

  #makeWriter({ mayWrite }: Rules): OwnWriter {
    const { signer, store, clock } = this.#components
    return new OwnWriter({
      topic: this.#topic,
      signer,
      store,
      clock,
      mayWrite,
      hasRoom: (id, bytes) => this.#table.hasRoomFor(id, this.#self) && this.#document.carrier.hasRoom(bytes),
      current: (id) => this.#table.of(id),
      onWritten: (envelopes) => this.#publish(envelopes),
    })
  }

  #makeSynchroniser(intervalMs: number, timeoutMs: number): Synchroniser {
    const { plane, clock, random, logger } = this.#components
    const { carrier } = this.#document
    return new Synchroniser(
      { intervalMs, timeoutMs },
      {
        self: this.#self,
        plane,
        carrier,
        table: this.#table,
        gate: this.#gate,
        clock,
        random,
        logger,
        stored: () => this.#document.stored(),
        verified: () => this.#intake.idle(),
        offer: (id, bytes) => this.#intake.offer(id, bytes),
        onNews: () => this.#gossip.send('news', carrier.digest()),
        onConflict: () => this.#giveUpDocument(),
      },
    )
  }

  #mustRun(): void {
    if (this.#status !== 'running') throw new StoppedError('the shared state is not running')
  }

  /** What is stored was verified before it was stored. */
  async #loadRecords(): Promise<void> {
    for (const [id, bytes] of await this.#records.load()) {
      const opened = openEnvelope(id, bytes)
      if (typeof opened === 'string') {
        this.#components.logger.error({ id }, 'shared state: a stored record is damaged, dropped')
        this.#records.put(id, undefined)
        continue
      }
      this.#table.merge(opened.envelope)
      if (opened.envelope.record.writer === this.#self) this.#writer.outrank(opened.envelope.record.epoch)
    }
  }

  #offerAll(): void {
    for (const { key, val } of this.#document.carrier.all()) this.#intake.offer(key, val)
  }

  /** This node's own, signed and stored. */
  #publish(envelopes: readonly Envelope[]): void {
    const taken = envelopes.filter((envelope) => this.#table.merge(envelope) === 'taken')
    // Two of one id in a batch: the last one is what counts.
    const last = new Map(taken.map((envelope) => [envelope.id, envelope]))
    this.#document.carrier.change([...last.values()].map(({ id, bytes }) => ({ key: id, val: bytes })))
    this.#noticeTaken(taken)
  }

  /** Others' records, verified; or this node's own of a life that its disk does not remember. */
  #take(good: readonly Envelope[], garbage: readonly RecordId[]): void {
    const taken = good.filter((envelope) => this.#isTaken(envelope))
    for (const { id, bytes, record } of taken) {
      this.#records.put(id, bytes)
      const wish = this.#wishes.get(id)
      if (record.writer === this.#self && this.#writer.outrank(record.epoch) && wish !== undefined) this.#writeAgain(wish)
    }
    if (this.#status !== 'running') return
    for (const id of [...good.map((envelope) => envelope.id), ...garbage]) this.#repairer.look(id)
    this.#noticeTaken(taken)
  }

  #isTaken(envelope: Envelope): boolean {
    const { clock, logger } = this.#components
    if (envelope.record.issuedAtMs + LIFE_MAX_MS < clock.wallMs()) return false
    const merged = this.#table.merge(envelope)
    if (merged === 'full') logger.warn({ id: envelope.id }, 'shared state: too many records, one is left out')
    return merged === 'taken'
  }

  #noticeTaken(taken: readonly Envelope[]): void {
    for (const envelope of taken) this.#lifespans.notice(envelope)
    this.#announce(this.#table.changesOf(taken.map(({ record }) => record)))
  }

  #writeAgain({ collection, key, value, options }: Wish): void {
    if (this.#status !== 'running') return
    this.#writer.write({ collection, key, value, options }).catch((error: unknown) => {
      this.#components.logger.error({ collection, key, reason: messageOf(error) }, 'shared state: cannot write a record again')
    })
  }

  #timeWentOn(): void {
    for (const id of this.#table.forget()) this.#records.put(id, undefined)
    this.#table.touch()
    this.#announce(this.#table.changesOf([...this.#table.keys()]))
  }

  #isAmiss(id: RecordId): boolean {
    const carried = this.#document.carrier.get(id)
    const newest = this.#table.of(id)
    return isAmiss({
      id,
      carried,
      wanted: this.#table.carriedBytes(id),
      newest,
      isOwn: newest?.record.writer === this.#self,
      isGarbage: carried !== undefined && this.#intake.isGarbage(id, carried),
      nowMs: this.#components.clock.wallMs(),
    })
  }

  #repair(ids: readonly RecordId[]): void {
    const puts: { key: RecordId; val: Uint8Array }[] = []
    const removals: RecordId[] = []
    for (const id of ids) {
      const val = this.#table.carriedBytes(id)
      if (val === undefined) removals.push(id)
      else puts.push({ key: id, val })
    }
    this.#components.logger.info({ put: puts.length, removed: removals.length }, 'shared state: document repaired')
    this.#document.carrier.change(puts, removals)
  }

  /** The records stand; they are put into the new document should the peers' not have them. */
  #giveUpDocument(): void {
    const { clock, logger } = this.#components
    if (clock.monotonicMs() < this.#nextResetAtMs) return
    this.#nextResetAtMs = clock.monotonicMs() + RESET_INTERVAL_MS
    logger.warn({}, 'shared state: this document cannot be merged with others, begun anew')
    this.#document.reset()
    for (const { id } of this.#table.all()) this.#repairer.look(id, true)
  }

  #announce(changes: readonly Change[]): void {
    const byCollection = Map.groupBy(changes, (change) => change.collection)
    for (const [collection, keys] of byCollection) this.#events.emit('changed', { collection, keys: keys.map(({ key }) => key) })
  }

  /** Local changes, now on disk, go to the others: by gossip, or by telling them to sync when they are too large for it. */
  #spread(update: Uint8Array): void {
    if (update.length <= GOSSIP_UPDATE_BYTES_MAX) this.#gossip.send('update', update)
    else this.#gossip.send('news', this.#document.carrier.digest())
  }

  #hear(from: PeerIdString, { type, body }: GossipMessage): void {
    const { carrier } = this.#document
    if (type === 'hint') this.#hints.receive(from, body)
    else if (type === 'news' && !isSame(body, carrier.digest())) this.#sync.plan(from)
    else if (type === 'update') {
      if (body.length > 2 * GOSSIP_UPDATE_BYTES_MAX) throw new StateRejectedError('an update is too large for gossip')
      carrier.apply(body)
      // Something came before it that was lost: fetched now, not at the next interval.
      if (carrier.isIncomplete) this.#sync.plan(from)
    }
  }
}
