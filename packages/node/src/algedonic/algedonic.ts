import {
  type AlertMark,
  type AlertRaise,
  type ApplyResult,
  type GroupEffect,
  type GroupState,
  ORGANS_LEVEL,
} from '@vsmcp/consensus'
import {
  type Clock,
  Emitter,
  type KeyValueStore,
  type Logger,
  messageOf,
  type PeerIdString,
  type Random,
  type Startable,
  type Timer,
} from '@vsmcp/kernel'
import {
  AlgedonicChannel,
  type AlgedonicEffect,
  type AlgedonicInput,
  type Felt,
  type HeldAlert,
  type OverAlert,
  type Signal,
} from '@vsmcp/vsm'
import { ALERT_TICK_MS } from '../constants.ts'
import type { Decisions, Request } from '../system5/decisions.ts'
import type { GroupLog } from '../system5/group-log.ts'
import type { GroupSignals } from '../topics/group-signals.ts'
import { AlertStore } from './alert-store.ts'
import { heldFrom, nameOfSystem } from './docket-alert.ts'
import { termsOf } from './alert-terms.ts'

export interface AlgedonicComponents {
  self: PeerIdString
  kv: KeyValueStore
  log: GroupLog
  decisions: Decisions
  signals: GroupSignals
  clock: Clock
  random: Random
  logger: Logger
}

type DocketEvent = Extract<GroupEffect['type'], `alert:${string}`>

interface Events extends Record<string, unknown> {
  /** Something became of an alert that this node holds and the group does not. */
  own: { event: 'raised' | 'repeated' | 'climbed' | 'over'; alert: HeldAlert | OverAlert }
  /** The group decided. `before`: for who asks about one that is gone. */
  decided: { event: DocketEvent; id: string; before: GroupState; state: GroupState }
}

/**
 * The algedonic channel of this node at work: `AlgedonicChannel` says what is to be done; here it is written down, brought to System 5
 * over the control plane, and what System 5 decides is told to it. Nothing here waits behind a tool call.
 */
export class Algedonic implements Startable {
  readonly #c: AlgedonicComponents
  readonly #store: AlertStore
  readonly #events: Emitter<Events>
  #channel: AlgedonicChannel
  /** What System 5 was asked and has not answered; by the alert's id at that time. */
  readonly #asked = new Map<string, Promise<void>>()
  #timer: Timer | undefined
  #offs: (() => void)[] = []
  #stopped = false

  constructor(components: AlgedonicComponents) {
    this.#c = components
    this.#store = new AlertStore(components.kv, components.logger)
    this.#channel = this.#channelOf([])
    this.#events = new Emitter((error) => components.logger.error({ error: messageOf(error) }, 'a listener of alerts failed'))
  }

  async start(): Promise<void> {
    const { log, clock } = this.#c
    this.#stopped = false
    this.#channel = this.#channelOf(await this.#store.all())
    this.#offs = [
      log.on('entry:applied', ({ before, state, effects }) => {
        for (const effect of effects) if (isAlertEffect(effect)) this.#follow(effect, before, state)
      }),
      log.on('state:installed', ({ state }) => this.#reconcile(state)),
      log.on('leader:changed', ({ leader }) => {
        if (leader !== undefined) this.#do(this.#channel.urge(clock.wallMs()))
      }),
    ]
    if (log.state !== undefined) this.#reconcile(log.state)
    if (log.status()?.leader !== undefined) this.#do(this.#channel.urge(clock.wallMs()))
    this.#timer = clock.every(ALERT_TICK_MS, () => this.#do(this.#channel.tick(clock.wallMs())))
  }

  /** What System 5 was asked may go on; its answer is of no use any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    for (const off of this.#offs) off()
    await this.#store.settled()
  }

  on<K extends keyof Events & string>(event: K, listener: (payload: Events[K]) => void): () => void {
    return this.#events.on(event, listener)
  }

  /** Its alerts that are not remedied, oldest first. */
  get held(): readonly HeldAlert[] {
    return this.#channel.held
  }

  get over(): readonly OverAlert[] {
    return this.#channel.over
  }

  get counts(): AlgedonicChannel['counts'] {
    return this.#channel.counts
  }

  dueMs(id: string): number | undefined {
    return this.#channel.dueMs(id)
  }

  /** Somebody of this node feels something. */
  feel(signal: Signal): Felt {
    const felt = this.#channel.feel(signal, this.#c.clock.wallMs())
    this.#do(felt.effects)
    return felt
  }

  /** What was felt under this source and subject is well again. */
  remedy(signal: Pick<Signal, 'source' | 'subject'>, reason: string): void {
    this.#do(this.#channel.remedy(signal, reason, this.#c.clock.wallMs()))
  }

  /** What was felt is over because its cause is well again; where System 5 had heard of it, that is pleasure. */
  relieve(signal: Pick<Signal, 'source' | 'subject'>, reason: string): void {
    this.#do(this.#channel.relieve(signal, reason, this.#c.clock.wallMs()))
  }

  /** An alert that this node holds is remedied, says a person. @returns false when it holds none of that id */
  resolve(id: string, reason: string): boolean {
    const effects = this.#channel.resolve(id, reason, this.#c.clock.wallMs())
    if (effects !== undefined) this.#do(effects)
    return effects !== undefined
  }

  /** Resolves when System 5 has answered what it was asked about this alert, or did not. */
  async answered(id: string): Promise<void> {
    await this.#asked.get(id)
  }

  #channelOf(held: readonly HeldAlert[]): AlgedonicChannel {
    const { clock, random, log } = this.#c
    return new AlgedonicChannel({ held, nowMs: clock.wallMs() }, { random, terms: () => termsOf(log.state?.charter) })
  }

  #do(effects: readonly AlgedonicEffect[]): void {
    if (this.#stopped) return
    for (const effect of effects) {
      switch (effect.type) {
        case 'keep':
          this.#store.put(effect.alert)
          break
        case 'forget':
          this.#store.remove(effect.id)
          break
        case 'news':
          this.#tell(effect)
          break
        case 'note':
          this.#note(effect)
          break
        case 'deliver':
          this.#ask(effect.alert.id, () => this.#deliver(effect.alert))
          break
        case 'resolve':
          this.#ask(effect.id, () => this.#resolve(effect.id, effect.reason))
          break
      }
    }
  }

  /** The answer is a step of the channel; no answer is one, too. */
  #ask(id: string, ask: () => Promise<AlgedonicInput>): void {
    const { clock, logger } = this.#c
    const undelivered = (error: unknown): AlgedonicInput => {
      logger.warn({ alert: id, error: messageOf(error) }, 'System 5 did not acknowledge an alert: it is told again')
      return { type: 'undelivered', id }
    }
    const asking = ask()
      .catch(undelivered)
      .then((answer) => {
        this.#asked.delete(id)
        this.#do(this.#channel.step(answer, clock.wallMs()))
      })
    this.#asked.set(id, asking)
  }

  async #deliver(alert: HeldAlert): Promise<AlgedonicInput> {
    const { id } = alert
    const result = await this.#propose(this.#raise(alert))
    const record = this.#c.log.state?.alerts.get(id)
    if (result.ok) {
      if (record?.closed !== undefined) return this.#closedBy(id, record.closed)
      return { type: 'delivered', id }
    }
    if (result.code === 'alert-exists' && result.holder !== undefined) {
      const isTwin = this.#c.log.state?.alerts.get(result.holder)?.peer === this.#c.self
      return isTwin ? { type: 'adopted', id, as: result.holder } : { type: 'taken', id }
    }
    // The unit is another node's by now, and so is its pain.
    if (result.code === 'not-yours') return { type: 'closed', id, reason: result.message }
    throw new Error(result.message)
  }

  async #resolve(id: string, reason: string): Promise<AlgedonicInput> {
    const result = await this.#propose({ op: 'alert:resolve', id, reason })
    if (result.ok || result.code === 'alert-unknown') return { type: 'closed', id, reason, own: true }
    throw new Error(result.message)
  }

  #note({ id, signal, atMs }: Extract<AlgedonicEffect, { type: 'note' }>): void {
    const alert = { ...signal, id, count: 1, onsetMs: atMs, lastMs: atMs }
    const { logger } = this.#c
    const asking = this.#propose(this.#raise(alert))
      .then((result) => {
        if (!result.ok) logger.info({ subject: signal.subject, reason: result.message }, 'pleasure was not noted')
      })
      .catch((error: unknown) => logger.info({ subject: signal.subject, error: messageOf(error) }, 'pleasure was not noted'))
      .finally(() => this.#asked.delete(id))
    this.#asked.set(id, asking)
  }

  #raise(alert: Signal & Pick<HeldAlert, 'id' | 'count' | 'onsetMs' | 'lastMs'>): Request<AlertRaise> {
    const { feeling, severity, source, id, subject, text, count } = alert
    const { system, origin, unit } = source
    const onsetMs = Math.max(0, Math.round(alert.onsetMs))
    const what = { feeling, severity, origin, system, subject, text, count, onsetMs }
    const lastMs = Math.max(onsetMs, Math.round(alert.lastMs))
    return { op: 'alert:raise', id, ...what, lastMs, ...(unit === undefined ? {} : { unit }) }
  }

  async #propose(request: Request): Promise<ApplyResult> {
    const { log, decisions } = this.#c
    const level = log.state?.charter.featureLevel ?? ORGANS_LEVEL
    if (level < ORGANS_LEVEL) throw new Error(`the group is at feature level ${level}, and knows no alerts`)
    return decisions.propose(request)
  }

  #tell({ event, alert }: Extract<AlgedonicEffect, { type: 'news' }>): void {
    const { logger, signals } = this.#c
    const { id, subject, severity, source, level } = alert
    const fields = { alert: id, subject, severity, level, unit: source.unit }
    if (event === 'over') logger.info({ ...fields, reason: alert.reason }, 'algedonic alert is over')
    else logger.warn({ ...fields, text: alert.text }, `algedonic alert ${event}`)
    if (event === 'climbed') {
      const { feeling, text, onsetMs } = alert
      const body = { feeling, severity, source, subject, text, id, onsetMs: Math.round(onsetMs) }
      signals.say('alert', { kind: 'algedonic', from: source.system, to: 'system5' }, body)
    }
    this.#events.emit('own', { event, alert })
  }

  #follow({ type: event, id }: { type: DocketEvent; id: string }, before: GroupState, state: GroupState): void {
    const { self, clock } = this.#c
    const record = state.alerts.get(id) ?? before.alerts.get(id)
    this.#events.emit('decided', { event, id, before, state })
    if (record?.peer !== self) return
    if (event === 'alert:raised' && record.closed === undefined && nameOfSystem(record.system)) {
      // Given up as lost, and decided late: somebody must see to its end.
      this.#do(this.#channel.recall(heldFrom(id, record), clock.wallMs()))
    }
    if (event === 'alert:resolved' && record.closed !== undefined) {
      this.#do(this.#channel.step(this.#closedBy(id, record.closed), clock.wallMs()))
    }
    if (event === 'alert:displaced') this.#do(this.#channel.step({ type: 'displaced', id }, clock.wallMs()))
  }

  #closedBy(id: string, { by, reason }: AlertMark): AlgedonicInput {
    return { type: 'closed', id, reason, own: by === this.#c.self }
  }

  /** What came about while this node did not look: closed meanwhile, lost by the group (in a recovery), or held by it and lost here. */
  #reconcile(state: GroupState): void {
    const { self, clock } = this.#c
    const now = clock.wallMs()
    for (const { id, level } of this.#channel.held) {
      const record = state.alerts.get(id)
      if (record === undefined && level === 'group') this.#do(this.#channel.step({ type: 'displaced', id }, now))
      if (record?.closed !== undefined) {
        this.#do(this.#channel.step(this.#closedBy(id, record.closed), now))
      }
    }
    for (const [id, record] of state.alerts.entries()) {
      if (record.peer !== self || record.closed !== undefined || !nameOfSystem(record.system)) continue
      this.#do(this.#channel.recall(heldFrom(id, record), now))
    }
  }
}

function isAlertEffect(effect: GroupEffect): effect is Extract<GroupEffect, { type: DocketEvent }> {
  return effect.type.startsWith('alert:')
}
