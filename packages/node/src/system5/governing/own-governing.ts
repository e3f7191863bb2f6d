import type { Clock, KeyValueStore, Logger, PeerIdString, ProposalContent, Startable, Timer, UnitName } from '@vsmcp/kernel'
import { ClosureWatch, deliberate, type Governance, type Listed, OwnLedger, situationOf } from '@vsmcp/vsm'
import type { Algedonic } from '../../algedonic/algedonic.ts'
import { GOVERN_TICK_MS } from '../../constants.ts'
import type { EffectSight } from './effect-sight.ts'
import { OwnStore } from './own-store.ts'
import { feelClosure } from './pain-of-closure.ts'
import { tellClosure, tellDecision } from './told.ts'

export interface OwnGoverningComponents {
  self: PeerIdString
  governance: () => Governance
  hasUnit: (unit: UnitName) => boolean
  sight: Pick<EffectSight, 'of'>
  algedonic: Pick<Algedonic, 'feel' | 'relieve'>
  kv: KeyValueStore
  clock: Clock
  logger: Logger
}

/** System 5 of a node, for itself: by the group's policies and the group's deliberation, whether or not the group can decide. */
export class OwnGoverning implements Startable {
  readonly #c: OwnGoverningComponents
  readonly #store: OwnStore
  readonly #closures = new ClosureWatch()
  #ledger: OwnLedger
  #saving: Promise<void> = Promise.resolve()
  #timer: Timer | undefined

  constructor(components: OwnGoverningComponents) {
    this.#c = components
    this.#store = new OwnStore(components.kv, components.logger)
    this.#ledger = new OwnLedger(components.self)
  }

  async start(): Promise<void> {
    this.#ledger = new OwnLedger(this.#c.self, await this.#store.load())
    this.#timer = this.#c.clock.every(GOVERN_TICK_MS, () => this.govern())
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    await this.#saving
  }

  list(): Listed {
    return this.#ledger.list()
  }

  make(id: string, content: ProposalContent): boolean {
    const isTaken = this.#ledger.make(id, content, this.#nowMs())
    if (isTaken) this.#save()
    return isTaken
  }

  refuse(id: string, reason: string): void {
    this.#ledger.refuse(id, reason, this.#nowMs())
    this.#closed(id)
  }

  /** Decides what waits, and looks whether what was decided had its effect. */
  govern(): void {
    const { hasUnit, sight, algedonic, logger } = this.#c
    const governance = this.#c.governance()
    const nowMs = this.#nowMs()
    const listed = this.#ledger.list()
    const isThere = ({ subject }: ProposalContent): boolean => hasUnit(subject)
    for (const { id, ruling } of deliberate(listed, situationOf(listed, governance, nowMs), isThere)) {
      this.#ledger.decide(id, ruling, governance.policy, nowMs)
      const decided = this.#ledger.get(id)
      if (decided !== undefined) tellDecision(id, decided, 'node', true, logger)
      this.#save()
    }
    this.#closures.keep(new Set(listed.map(([id]) => id)))
    for (const [id, proposal] of this.#ledger.list()) {
      const { directive, closure } = proposal
      if (directive === undefined || closure !== undefined) continue
      const step = hasUnit(proposal.subject)
        ? this.#closures.look(id, proposal, sight.of(proposal), governance, nowMs)
        : ({ type: 'lapsed', reason: 'the unit was detached' } as const)
      if (step === undefined) continue
      this.#ledger.close(id, step, governance.policy, nowMs)
      feelClosure(algedonic, proposal, step)
      this.#closed(id)
    }
  }

  #closed(id: string): void {
    const now = this.#ledger.get(id)
    if (now?.closure !== undefined) tellClosure(id, now, 'node', this.#c.logger)
    this.#save()
  }

  #nowMs(): number {
    return Math.round(this.#c.clock.wallMs())
  }

  #save(): void {
    this.#saving = this.#saving.then(() => this.#store.save(this.#ledger.list()))
  }
}
