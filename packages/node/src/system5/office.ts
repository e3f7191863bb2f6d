import type { Clock, PeerIdString, Startable, Timer } from '@vsmcp/kernel'
import { REPORT_PERIOD_MS } from '../constants.ts'
import type { GroupSignals } from '../topics/group-signals.ts'
import type { GroupLog } from './group-log.ts'
import { digestOf } from './trust.ts'

export interface OfficeComponents {
  self: PeerIdString
  log: Pick<GroupLog, 'status' | 'state' | 'on'>
  signals: Pick<GroupSignals, 'say' | 'on'>
  clock: Clock
}

interface Term {
  readonly leader: PeerIdString
  readonly term: number
  /** Wall time of the leader when its term began. */
  readonly sinceMs: number
}

/**
 * Who is System 5, since when, and which charter stands: the elected node says so when its term begins, and again and again for who comes
 * later. The log decides; this only tells, and what is told of another leader or term than the log knows counts for nothing.
 */
export class Office implements Startable {
  readonly #c: OfficeComponents
  #term: Term | undefined
  #early: Term | undefined
  #timer: Timer | undefined
  #offs: (() => void)[] = []

  constructor(components: OfficeComponents) {
    this.#c = components
  }

  async start(): Promise<void> {
    const { log, signals, clock } = this.#c
    this.#offs = [
      log.on('leader:changed', () => this.#say()),
      signals.on('policy', ({ node, body: { leader, term, sinceMs } }) => {
        if (sinceMs !== undefined && node === leader) this.#heard({ leader, term, sinceMs })
      }),
    ]
    this.#timer = clock.every(REPORT_PERIOD_MS, () => this.#say())
    this.#say()
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    for (const off of this.#offs) off()
  }

  /** Milliseconds since the Unix epoch by the leader's clock; undefined while nobody leads, and until the leader of now has said it. */
  get sinceMs(): number | undefined {
    if (this.#early !== undefined && this.#isNow(this.#early)) this.#term = this.#early
    return this.#term !== undefined && this.#isNow(this.#term) ? this.#term.sinceMs : undefined
  }

  /** It may be heard before the log knows that term; anybody may say so much, so it does not take the place of what is known. */
  #heard(said: Term): void {
    if (this.#isNow(said)) this.#term = said
    else this.#early = said
  }

  #isNow({ leader, term }: Term): boolean {
    const status = this.#c.log.status()
    return status?.leader === leader && status.term === term
  }

  #say(): void {
    const { log, self, signals, clock } = this.#c
    const status = log.status()
    if (status?.role !== 'leader' || log.state === undefined) return
    if (this.#term?.leader !== self || this.#term.term !== status.term) {
      this.#term = { leader: self, term: status.term, sinceMs: Math.round(clock.wallMs()) }
    }
    const { charter } = log.state
    const { sinceMs, term } = this.#term
    const body = { leader: self, term, index: status.commit, epoch: charter.epoch, charterDigest: digestOf(charter), sinceMs }
    signals.say('policy', { kind: 'command', from: 'system5', to: 'system3' }, body)
  }
}
