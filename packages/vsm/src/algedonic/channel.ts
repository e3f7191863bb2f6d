import { isWorse, type Random } from '@vsmcp/kernel'
import { Allowance } from './allowance.ts'
import { CALM_MS, HELD_MAX, OVER_MAX, REASON_LENGTH_MAX, RETELL_MS, RETRY_MAX_MS, RETRY_MS, UNFELT_MS } from './constants.ts'
import { ALERT_SUBJECT_LENGTH_MAX, ALERT_TEXT_LENGTH_MAX } from '../constants.ts'
import type { AlgedonicEffect, AlgedonicInput, Felt } from './effects.ts'
import { Entries, type Entry, keepOf } from './entries.ts'
import type { HeldAlert, OverAlert } from './held.ts'
import { accountOf, organ, plainText, type Signal } from './signal.ts'
import { type Terms } from './terms.ts'

export interface AlgedonicChannelInit {
  /** What was written down before. */
  held?: readonly HeldAlert[]
  nowMs: number
}

export interface AlgedonicChannelComponents {
  random: Random
  /** As of now: policies change. */
  terms: () => Terms
}

/**
 * The algedonic channel of one node: pain and pleasure of its organs, units, clients and people, each pain once however often it is
 * felt, held until it is remedied. The node has its term to do so; what is not remedied then, and what is critical at once, is
 * delivered to the group's System 5, again and again until it is acknowledged. (S. Beer, Brain of the Firm, 2nd ed., ch. 15: a signal
 * that the next level attends to only when this one has not put it right within its time.)
 *
 * Pure: wall-clock milliseconds come in with every call, may go back, and what is to be done comes out.
 */
export class AlgedonicChannel {
  readonly #c: AlgedonicChannelComponents
  readonly #entries = new Entries()
  readonly #over: OverAlert[] = []
  readonly #allowance = new Allowance()
  #nowMs: number
  #refused = 0
  #displaced = 0

  constructor({ held = [], nowMs }: AlgedonicChannelInit, components: AlgedonicChannelComponents) {
    this.#c = components
    this.#nowMs = nowMs
    for (const alert of held.slice(0, HELD_MAX)) {
      const isOrgan = alert.source.origin === 'organ'
      this.#add(alert, { dueMs: nowMs + this.#termMs(alert), unfeltSinceMs: isOrgan ? nowMs : undefined })
    }
  }

  /** Those not remedied, oldest first. */
  get held(): readonly HeldAlert[] {
    return [...this.#entries].map(({ alert }) => alert)
  }

  /** The last that are over, the newest last. */
  get over(): readonly OverAlert[] {
    return this.#over
  }

  /** Signals refused because all places were taken or their source floods; alerts given up for more severe ones. */
  get counts(): { readonly refused: number; readonly displaced: number } {
    return { refused: this.#refused, displaced: this.#displaced }
  }

  /** When the alert becomes the next level's affair, by the clock that `tick` is given. Undefined for one that is the group's. */
  dueMs(id: string): number | undefined {
    const entry = this.#entries.get(id)
    return entry?.alert.level === 'node' ? entry.dueMs : undefined
  }

  /** Somebody feels something. Texts are shortened and made plain. */
  feel(felt: Signal, nowMs: number): Felt {
    this.#advance(nowMs)
    const signal: Signal = {
      ...felt,
      subject: plainText(felt.subject, ALERT_SUBJECT_LENGTH_MAX) || 'no subject',
      text: plainText(felt.text, ALERT_TEXT_LENGTH_MAX),
    }
    const known = this.#openOf(signal)
    if (signal.feeling === 'pain' && known !== undefined) return this.#again(known, signal)
    const account = accountOf(signal.source)
    if (!this.#allowance.spend(account, nowMs)) {
      this.#refused++
      return { outcome: 'refused', reason: 'flood', effects: this.#feelFlood(account) }
    }
    if (signal.feeling === 'pleasure') {
      const id = this.#newId()
      const remedied = known === undefined ? [] : this.#end(known, signal.text || 'felt better')
      return { outcome: 'noted', id, effects: [...remedied, { type: 'note', id, signal, atMs: nowMs }] }
    }
    return this.#raise(signal)
  }

  /** What was felt under this key is well again. Nothing happens when nothing of it is open. */
  remedy(signal: Pick<Signal, 'source' | 'subject'>, reason: string, nowMs: number): readonly AlgedonicEffect[] {
    this.#advance(nowMs)
    const entry = this.#entries.of({ ...signal, subject: plainText(signal.subject, ALERT_SUBJECT_LENGTH_MAX) })
    return entry === undefined ? [] : this.#end(entry, reason)
  }

  /**
   * Like `remedy`, because its cause is well again: relief from what System 5 had heard of is pleasure, and told to it. Relief of one source is
   * told no more often than its pain, and takes nothing from what that may raise.
   */
  relieve(signal: Pick<Signal, 'source' | 'subject'>, reason: string, nowMs: number): readonly AlgedonicEffect[] {
    this.#advance(nowMs)
    const entry = this.#entries.of({ ...signal, subject: plainText(signal.subject, ALERT_SUBJECT_LENGTH_MAX) })
    if (entry === undefined || entry.alert.remedied !== undefined) return []
    const wasHeard = entry.left
    const effects = this.#end(entry, reason)
    if (!wasHeard || !this.#allowance.spend(`relief of ${accountOf(entry.alert.source)}`, nowMs)) return effects
    return [...effects, { type: 'note', id: this.#newId(), signal: reliefOf(entry.alert, reason), atMs: nowMs }]
  }

  /** Like `remedy`, of an alert of this node that System 5 has not heard of. @returns undefined when there is none */
  resolve(id: string, reason: string, nowMs: number): readonly AlgedonicEffect[] | undefined {
    this.#advance(nowMs)
    const entry = this.#entries.get(id)
    return entry === undefined ? undefined : this.#end(entry, reason)
  }

  /** System 5 holds this alert of this node, which knows nothing of it: its disk lost it. */
  recall(alert: HeldAlert, nowMs: number): readonly AlgedonicEffect[] {
    this.#advance(nowMs)
    if (this.#entries.has(alert.id) || this.#entries.of(alert) !== undefined || this.#entries.size >= HELD_MAX) return []
    const entry = this.#add(alert, { dueMs: nowMs, unfeltSinceMs: alert.source.origin === 'organ' ? nowMs : undefined })
    entry.told = { count: alert.count, severity: alert.severity }
    return [{ type: 'keep', alert }]
  }

  step(input: AlgedonicInput, nowMs: number): readonly AlgedonicEffect[] {
    this.#advance(nowMs)
    const entry = this.#entries.get(input.id)
    // Of a question that is answered already.
    if (entry === undefined || (input.type === 'undelivered' && !entry.asked)) return []
    entry.asked = false
    switch (input.type) {
      case 'delivered':
        return this.#delivered(entry)
      case 'undelivered':
        return this.#undelivered(entry)
      case 'displaced':
        entry.told = undefined
        entry.notBeforeMs = nowMs + RETRY_MAX_MS
        return []
      case 'closed':
        return this.#closed(entry, input)
      case 'taken':
        return this.#rename(entry, this.#newId(), undefined)
      default:
        return this.#adopt(entry, input.as)
    }
  }

  /** There is a System 5 again: what waits for one is told at once. */
  urge(nowMs: number): readonly AlgedonicEffect[] {
    this.#advance(nowMs)
    const waiting = [...this.#entries].filter(({ alert, told, asked }) => {
      return alert.level === 'group' && !asked && (told === undefined || alert.remedied !== undefined)
    })
    return waiting.flatMap((entry) => this.#tell(entry))
  }

  tick(nowMs: number): readonly AlgedonicEffect[] {
    this.#advance(nowMs)
    const effects: AlgedonicEffect[] = []
    for (const entry of this.#entries) effects.push(...this.#look(entry))
    for (const account of this.#allowance.calmed(nowMs)) {
      const entry = this.#entries.of(floodOf(account))
      if (entry !== undefined) effects.push(...this.#end(entry, `no alert too many for ${CALM_MS / 1_000} s`))
    }
    return effects
  }

  #look(entry: Entry): readonly AlgedonicEffect[] {
    const now = this.#nowMs
    if (entry.unfeltSinceMs !== undefined && now - entry.unfeltSinceMs >= UNFELT_MS) {
      return this.#end(entry, 'not felt again since the node was restarted')
    }
    if (entry.alert.level === 'node') return now >= entry.dueMs ? this.#climb(entry) : []
    return entry.asked || now < entry.notBeforeMs ? [] : this.#tell(entry)
  }

  #raise(signal: Signal): Felt {
    const now = this.#nowMs
    const effects: AlgedonicEffect[] = []
    if (this.#entries.size >= HELD_MAX) {
      const victim = this.#entries.leastSevere()
      if (victim === undefined || !isWorse(signal.severity, victim.alert.severity)) {
        this.#refused++
        return { outcome: 'refused', reason: 'full', effects: [] }
      }
      this.#displaced++
      effects.push(...this.#drop(victim, 'gave way to a more severe one'))
    }
    const id = this.#newId()
    const alert: HeldAlert = { ...signal, feeling: 'pain', id, count: 1, onsetMs: now, lastMs: now, level: 'node' }
    const entry = this.#add(alert, { dueMs: now + this.#termMs(alert), unfeltSinceMs: undefined })
    effects.push({ type: 'news', event: 'raised', alert })
    effects.push(...(now >= entry.dueMs ? this.#climb(entry) : [keepOf(entry)]))
    return { outcome: 'raised', id, effects }
  }

  #again(entry: Entry, signal: Signal): Felt {
    const wasOver = entry.alert.remedied !== undefined
    if (wasOver) entry.alert = withoutRemedy(entry.alert)
    const { alert } = entry
    const isMore = isWorse(signal.severity, alert.severity)
    const { text } = signal
    const severity = isMore ? signal.severity : alert.severity
    entry.alert = { ...alert, severity, text, count: alert.count + 1, lastMs: Math.max(alert.lastMs, this.#nowMs) }
    entry.unfeltSinceMs = undefined
    const { id } = alert
    if (!isMore) return { outcome: 'repeated', id, effects: wasOver ? [keepOf(entry)] : [] }
    entry.dueMs = Math.min(entry.dueMs, this.#nowMs + this.#termMs(entry.alert))
    const news: AlgedonicEffect = { type: 'news', event: 'repeated', alert: entry.alert }
    if (entry.alert.level === 'group') entry.notBeforeMs = this.#nowMs
    return { outcome: 'repeated', id, effects: [news, keepOf(entry), ...this.#look(entry)] }
  }

  /** What a client or a person feels is nothing that the node could remedy by itself. */
  #termMs({ source, severity }: HeldAlert): number {
    return source.origin === 'organ' ? this.#c.terms().node[severity] : 0
  }

  #climb(entry: Entry): readonly AlgedonicEffect[] {
    entry.alert = { ...entry.alert, level: 'group' }
    return [...this.#tell(entry), { type: 'news', event: 'climbed', alert: entry.alert }, keepOf(entry)]
  }

  /** System 5 goes first, the disk after: it does not wait for the other. What System 5 does not know yet, if anything. */
  #tell(entry: Entry): readonly AlgedonicEffect[] {
    const { alert, told } = entry
    if (alert.remedied !== undefined) {
      entry.asked = true
      entry.ending = true
      return [{ type: 'resolve', id: alert.id, reason: alert.remedied }]
    }
    if (told?.count === alert.count && told.severity === alert.severity) return []
    entry.asked = true
    entry.left = true
    return [{ type: 'deliver', alert }]
  }

  #delivered(entry: Entry): readonly AlgedonicEffect[] {
    const { count, severity, remedied } = entry.alert
    entry.told = { count, severity }
    entry.tries = 0
    entry.notBeforeMs = this.#nowMs + RETELL_MS
    return remedied === undefined ? [keepOf(entry)] : this.#tell(entry)
  }

  #undelivered(entry: Entry): readonly AlgedonicEffect[] {
    entry.notBeforeMs = this.#nowMs + Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** Math.min(entry.tries++, 10))
    return []
  }

  #closed(entry: Entry, { reason, own }: Extract<AlgedonicInput, { type: 'closed' }>): readonly AlgedonicEffect[] {
    const { remedied } = entry.alert
    if (remedied !== undefined || own !== true) return this.#drop(entry, remedied ?? (reason || 'resolved'))
    // It said so once, and has felt it again since.
    return [...this.#drop(entry, 'its end was decided late'), ...this.#raise(entry.alert).effects]
  }

  /** It is well again. What System 5 has heard of it must hear that, too. */
  #end(entry: Entry, reason: string): readonly AlgedonicEffect[] {
    if (entry.alert.remedied !== undefined) return []
    const remedied = plainText(reason, REASON_LENGTH_MAX) || 'remedied'
    if (!entry.left) return this.#drop(entry, remedied)
    // An answer that is awaited comes first; what follows from it is seen then.
    entry.alert = { ...entry.alert, remedied }
    return [...(entry.asked ? [] : this.#tell(entry)), keepOf(entry)]
  }

  #drop(entry: Entry, reason: string): readonly AlgedonicEffect[] {
    const { alert } = entry
    this.#entries.delete(entry)
    const over: OverAlert = { ...alert, overMs: this.#nowMs, reason }
    this.#over.push(over)
    if (this.#over.length > OVER_MAX) this.#over.shift()
    return [
      { type: 'forget', id: alert.id },
      { type: 'news', event: 'over', alert: over },
    ]
  }

  /** The same pain of before is open there yet: when its end has been heard this one is told anew, else they become one. */
  #adopt(entry: Entry, as: string): readonly AlgedonicEffect[] {
    return this.#entries.has(as) ? this.#undelivered(entry) : this.#rename(entry, as, { count: 0, severity: 'low' })
  }

  #rename(entry: Entry, id: string, told: Entry['told']): readonly AlgedonicEffect[] {
    const before = entry.alert.id
    this.#entries.rename(entry, id)
    entry.told = told
    return [...this.#tell(entry), { type: 'forget', id: before }, keepOf(entry)]
  }

  /** What is open under the key of a signal, and may be felt again. */
  #openOf(signal: Signal): Entry | undefined {
    const entry = this.#entries.of(signal)
    return entry?.ending === true ? undefined : entry
  }

  #add(alert: HeldAlert, times: Pick<Entry, 'dueMs' | 'unfeltSinceMs'>): Entry {
    return this.#entries.add(alert, { ...times, nowMs: this.#nowMs })
  }

  #feelFlood(account: string): readonly AlgedonicEffect[] {
    const signal = floodOf(account)
    const known = this.#openOf(signal)
    return known === undefined ? this.#raise(signal).effects : this.#again(known, signal).effects
  }

  /** A clock that goes back takes the terms with it. */
  #advance(nowMs: number): void {
    const backMs = this.#nowMs - nowMs
    this.#nowMs = nowMs
    if (backMs <= 0) return
    this.#allowance.shift(backMs)
    this.#entries.shift(backMs)
  }

  /** 48 bits: two nodes rarely choose the same, and then the second chooses again. */
  #newId(): string {
    const part = (): string =>
      Math.floor(this.#c.random.next() * 2 ** 24)
        .toString(16)
        .padStart(6, '0')
    return part() + part()
  }
}

function withoutRemedy(alert: HeldAlert): HeldAlert {
  const open = { ...alert }
  delete open.remedied
  return open
}

/** Pleasure that a pain is over: of the same source, under a subject of its own. */
function reliefOf({ severity, source, subject }: HeldAlert, reason: string): Signal {
  return {
    feeling: 'pleasure',
    severity,
    source,
    subject: plainText(`well again: ${subject}`, ALERT_SUBJECT_LENGTH_MAX),
    text: plainText(reason, ALERT_TEXT_LENGTH_MAX),
  }
}

function floodOf(account: string): Signal {
  return {
    feeling: 'pain',
    severity: 'high',
    source: organ('system5'),
    subject: `too many alerts of ${account}`,
    text: 'Further new ones are refused until it is calm; what is open stays.',
  }
}
