import type { AlertContent, AlertMark, AlertRecord, GroupEffect } from '@vsmcp/consensus'
import { type Clock, isoTime, type PeerIdString, telemetry, type UnitName } from '@vsmcp/kernel'
import { type Alert, type HeldAlert, type OverAlert, type Terms } from '@vsmcp/vsm'
import { ALERT_HEARD_KEPT_MS, ALERTS_HEARD_MAX } from '../constants.ts'
import type { GroupLog } from '../system5/group-log.ts'
import type { GroupSignals } from '../topics/group-signals.ts'
import { termsOf } from './alert-terms.ts'
import type { Algedonic } from './algedonic.ts'
import type { AlertEvent, AlertEventKind, AlertMarkView, AlertsRequest, AlertView } from './contract.ts'

export interface AlertsViewComponents {
  self: PeerIdString
  algedonic: Algedonic
  log: GroupLog
  signals: GroupSignals
  nameOf: (peer: PeerIdString) => string
  clock: Clock
}

type Content = Omit<AlertContent, 'unit'> & { unit?: UnitName | undefined }

interface Heard {
  node: PeerIdString
  body: Alert
  untilMs: number
}

const told = telemetry('vsmcp:algedonic:alert')

type EventOfOne = Exclude<AlertEventKind, 'open'>

const EVENT: { readonly [E in Extract<GroupEffect['type'], `alert:${string}`>]: EventOfOne } = {
  'alert:raised': 'raised',
  'alert:repeated': 'repeated',
  'alert:acknowledged': 'acknowledged',
  'alert:resolved': 'over',
  'alert:climbed': 'climbed',
  'alert:displaced': 'displaced',
}

/**
 * The alerts as this node knows them: what the group has decided, which is the same everywhere; what this node holds besides; and, while
 * the group decides nothing, what other nodes said on gossip.
 */
export class AlertsView {
  readonly #c: AlertsViewComponents
  readonly #heard = new Map<string, Heard>()

  constructor(components: AlertsViewComponents) {
    this.#c = components
    const { signals, clock } = components
    this.#listen((event, view) => this.#publish(event, view))
    signals.on('alert', ({ node, body }) => {
      this.#heard.delete(body.id)
      this.#heard.set(body.id, { node, body, untilMs: clock.monotonicMs() + ALERT_HEARD_KEPT_MS })
      const [oldest] = this.#heard.keys()
      if (this.#heard.size > ALERTS_HEARD_MAX && oldest !== undefined) this.#heard.delete(oldest)
    })
  }

  /** The most severe first, then the oldest. */
  list({ all }: AlertsRequest): AlertView[] {
    const { log, algedonic, self } = this.#c
    const { state } = log
    const terms = termsOf(state?.charter)
    const decided = (state?.alerts.entries() ?? []).map(([id, record]) => this.#decided(id, record, terms))
    const known = new Set(decided.map(({ id }) => id))
    const held = algedonic.held.filter(({ id }) => !known.has(id)).map((alert) => this.#held(alert))
    const over = all ? algedonic.over.filter(({ id }) => !known.has(id)).map((alert) => this.#held(alert)) : []
    for (const { id } of held) known.add(id)
    const heard = this.#undecided(known).map(({ node, body }) => this.#heardOf(node, body))
    const shown = [...decided.filter(({ state: how }) => all || how !== 'over'), ...held, ...over]
    return [...shown, ...heard.filter(({ node }) => node !== self)].sort(byUrgency)
  }

  find(id: string): AlertView | undefined {
    return this.list({ all: true }).find((alert) => alert.id === id)
  }

  /** @returns a function that ends it */
  onEvent(listener: (event: AlertEvent) => void): () => void {
    const { clock } = this.#c
    return this.#listen((event, view) => listener({ event, at: isoTime(clock.wallMs()), alert: view() }))
  }

  #publish(event: EventOfOne, view: () => AlertView): void {
    if (!told.hasSubscribers) return
    const { id, feeling, severity, level, node, system, unit, subject, onset } = view()
    const sinceOnsetMs = this.#c.clock.wallMs() - Date.parse(onset)
    const whose = { node, system, ...(unit === undefined ? {} : { unit }) }
    told.publish({ event, id, feeling, severity, level, ...whose, subject, sinceOnsetMs })
  }

  #listen(listener: (event: EventOfOne, view: () => AlertView) => void): () => void {
    const { algedonic, log } = this.#c
    const offs = [
      algedonic.on('own', ({ event, alert }) => {
        // What the group knows of it says the group.
        if (log.state?.alerts.has(alert.id) !== true) listener(event, () => this.#held(alert))
      }),
      algedonic.on('decided', ({ event, id, before, state }) => {
        const record = state.alerts.get(id) ?? before.alerts.get(id)
        if (record !== undefined) listener(EVENT[event], () => this.#decided(id, record, termsOf(state.charter)))
      }),
    ]
    return () => {
      for (const off of offs) off()
    }
  }

  /** Figures for the status: of what is not a node's own affair any more. */
  counts(): { open: number; grave: number; acknowledged: number; critical: number; overdue: number } {
    const open = this.list({ all: false }).filter(({ level }) => level !== 'node')
    return {
      open: open.length,
      grave: open.filter(({ severity }) => severity !== 'low').length,
      acknowledged: open.filter(({ state }) => state === 'acknowledged').length,
      critical: open.filter(({ severity }) => severity === 'critical').length,
      overdue: open.filter(({ level }) => level === 'above').length,
    }
  }

  #undecided(known: ReadonlySet<string>): Heard[] {
    const now = this.#c.clock.monotonicMs()
    for (const [id, { untilMs }] of this.#heard) if (untilMs <= now || known.has(id)) this.#heard.delete(id)
    return [...this.#heard.values()]
  }

  #decided(id: string, record: AlertRecord, terms: Terms): AlertView {
    const { peer, severity, acknowledged, closed, climbedAtMs, raisedAtMs } = record
    const isDue = closed === undefined && climbedAtMs === undefined
    return {
      ...this.#content(peer, id, record),
      level: climbedAtMs === undefined ? 'group' : 'above',
      state: closed !== undefined ? 'over' : acknowledged === undefined ? 'open' : 'acknowledged',
      decided: true,
      due: isDue ? isoTime(raisedAtMs + terms.group[severity]) : null,
      ...(acknowledged === undefined ? {} : { acknowledged: this.#mark(acknowledged) }),
      ...(closed === undefined ? {} : { over: this.#mark(closed) }),
    }
  }

  #held(alert: HeldAlert | OverAlert): AlertView {
    const { self, algedonic } = this.#c
    const { id, level, lastMs, remedied } = alert
    const due = algedonic.dueMs(id)
    const over = 'reason' in alert ? { reason: alert.reason, atMs: alert.overMs } : undefined
    const end = over ?? (remedied === undefined ? undefined : { reason: remedied, atMs: lastMs })
    return {
      ...this.#content(self, id, { ...alert, ...alert.source }),
      level,
      state: end === undefined ? 'open' : 'over',
      decided: false,
      due: due === undefined || end !== undefined ? null : isoTime(due),
      ...(end === undefined ? {} : { over: this.#mark({ by: self, ...end }) }),
    }
  }

  #heardOf(node: PeerIdString, alert: Alert): AlertView {
    const content = { ...alert, ...alert.source, count: 1, lastMs: alert.onsetMs }
    return { ...this.#content(node, alert.id, content), level: 'group', state: 'open', decided: false, due: null }
  }

  /** What an alert says, whoever holds it. */
  #content(node: PeerIdString, id: string, content: Content) {
    const { feeling, severity, system, origin, unit, subject, text, count, onsetMs, lastMs } = content
    return {
      id,
      feeling,
      severity,
      system,
      origin,
      ...(unit === undefined ? {} : { unit }),
      subject,
      text,
      count,
      node,
      nodeName: this.#c.nameOf(node),
      onset: isoTime(onsetMs),
      last: isoTime(lastMs),
    }
  }

  #mark({ by, reason, atMs }: AlertMark): AlertMarkView {
    return { by, byName: this.#c.nameOf(by), reason, at: isoTime(atMs) }
  }
}

const URGENCY = { critical: 0, high: 1, low: 2 } as const

function byUrgency(a: AlertView, b: AlertView): number {
  return URGENCY[a.severity] - URGENCY[b.severity] || a.onset.localeCompare(b.onset)
}
