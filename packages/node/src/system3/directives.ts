import type { GroupEffect, GroupState } from '@vsmcp/consensus'
import { type Clock, type Logger, messageOf, type PeerIdString, type Startable, type Timer, type UnitName } from '@vsmcp/kernel'
import { type DirectiveRefusal, type Governance, type Listed, Obedience, organ, type Orders, WAY_DOWN } from '@vsmcp/vsm'
import type { Algedonic } from '../algedonic/algedonic.ts'
import { GOVERN_TICK_MS } from '../constants.ts'
import type { Decisions } from '../system5/decisions.ts'
import type { OwnGoverning } from '../system5/governing/own-governing.ts'
import { tellClosure, tellDecision } from '../system5/governing/told.ts'
import type { GroupLog } from '../system5/group-log.ts'
import type { Bargaining } from './bargaining.ts'

export interface DirectivesComponents {
  self: PeerIdString
  log: GroupLog
  decisions: Pick<Decisions, 'propose'>
  own: Pick<OwnGoverning, 'list' | 'refuse'>
  bargaining: Pick<Bargaining, 'direct'>
  governance: () => Governance
  algedonic: Pick<Algedonic, 'feel'>
  clock: Clock
  logger: Logger
}

/**
 * System 3 of a node, to whom System 5 speaks: it takes the directives of the group and of its own node, refuses what contradicts the identity,
 * and bargains by the rest. Without a System 5 it goes on by those in force, until their time is over.
 */
export class Directives implements Startable {
  readonly #c: DirectivesComponents
  #ofGroup = new Obedience()
  #ofNode = new Obedience()
  #timer: Timer | undefined
  #offs: (() => void)[] = []

  constructor(components: DirectivesComponents) {
    this.#c = components
  }

  async start(): Promise<void> {
    const { log, clock } = this.#c
    this.#ofGroup = new Obedience()
    this.#ofNode = new Obedience()
    this.#offs = [
      log.on('entry:applied', ({ state, effects }) => {
        for (const effect of effects) this.#tell(effect, state)
        if (effects.some(({ type }) => type.startsWith('proposal:') || type.startsWith('directive:'))) this.obey()
      }),
      log.on('state:installed', () => this.obey()),
    ]
    this.#timer = clock.every(GOVERN_TICK_MS, () => this.obey())
    // What was stopped stays so from the first call on.
    this.obey()
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    for (const off of this.#offs) off()
  }

  /** Looks at what is in force, and bargains by it from now on. */
  obey(): void {
    const { self, log, own, bargaining, clock } = this.#c
    const { state } = log
    const governance = this.#c.governance()
    const nowMs = clock.wallMs()
    const given: Listed =
      state?.proposals.entries().filter(([, { at, directive }]) => at === self && directive !== undefined) ?? []
    const byGroup = this.#ofGroup.step(given, governance, nowMs)
    const byNode = this.#ofNode.step(own.list(), governance, nowMs)
    // Where both speak of a unit, the group's word counts.
    const orders = new Map<UnitName, Orders>(byNode.orders)
    for (const [unit, order] of byGroup.orders) {
      const before = orders.get(unit)
      orders.set(unit, { ...before, ...order, by: [...(before?.by ?? []), ...order.by] })
    }
    bargaining.direct(orders, governance.above)
    for (const refusal of byNode.refusals) own.refuse(refusal.id, refusal.reason)
    for (const refusal of byGroup.refusals) void this.#refuse(refusal, state)
  }

  /** The group hears why, and that somebody ordered it hurts: no true System 5 does. */
  async #refuse(refusal: DirectiveRefusal, state: GroupState | undefined): Promise<void> {
    const { id, sequence, clause, reason } = refusal
    const { decisions, algedonic, logger } = this.#c
    const record = state?.proposals.get(id)
    logger.warn({ ...WAY_DOWN[0], id, clause, reason }, 'a directive is not obeyed')
    algedonic.feel({
      feeling: 'pain',
      severity: 'high',
      source: organ('system3', record?.subject),
      subject: `a directive for ${record?.subject ?? id} is not obeyed`,
      text: `${reason} (${clause}).`,
    })
    try {
      await decisions.propose({ op: 'directive:close', id, sequence, outcome: 'refused', reason: `${reason} (${clause})` })
    } catch (error) {
      logger.info({ id, error: messageOf(error) }, 'System 5 has not heard yet that a directive is not obeyed')
      this.#ofGroup.unheard(refusal)
    }
  }

  #tell(effect: GroupEffect, { proposals }: GroupState): void {
    if (effect.type !== 'proposal:decided' && effect.type !== 'directive:closed') return
    const { self, logger } = this.#c
    const record = proposals.get(effect.id)
    if (record === undefined) return
    if (effect.type === 'directive:closed') tellClosure(effect.id, record, 'group', logger)
    else tellDecision(effect.id, record, 'group', record.decision?.author === self, logger)
  }
}
