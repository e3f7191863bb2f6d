import { type GroupState, GOVERNING_LEVEL, isProvider, type ProposalRecord } from '@vsmcp/consensus'
import { type Clock, isUndecided, type Logger, type Proposal } from '@vsmcp/kernel'
import { type ClosureStep, ClosureWatch, deliberate, type Governance, type Policy, type Ruling, situationOf } from '@vsmcp/vsm'
import type { Algedonic } from '../../algedonic/algedonic.ts'
import type { Decisions, Request } from '../decisions.ts'
import type { GroupLog } from '../group-log.ts'
import type { Duty } from '../leader-duties.ts'
import type { EffectSight } from './effect-sight.ts'
import { feelClosure } from './pain-of-closure.ts'

export interface GroupGoverningComponents {
  log: GroupLog
  decisions: Pick<Decisions, 'propose'>
  clock: Clock
  logger: Logger
  /** Both are made later than the duties. */
  governance: () => Governance
  sight: () => Pick<EffectSight, 'of'>
  algedonic: () => Pick<Algedonic, 'feel' | 'relieve'>
}

/** The elected System 5 at work for the group: what is proposed is decided, and whether a directive had its effect is looked at. */
export class GroupGoverning implements Duty {
  readonly #c: GroupGoverningComponents
  readonly #closures = new ClosureWatch()

  constructor(components: GroupGoverningComponents) {
    this.#c = components
  }

  async work(): Promise<void> {
    const { state } = this.#c.log
    if (state === undefined || state.charter.featureLevel < GOVERNING_LEVEL || state.proposals.size === 0) return
    const proposals = state.proposals.entries()
    const nowMs = Math.round(this.#c.clock.wallMs())
    const governance = this.#c.governance()
    // The balance is read from all that was decided, and most passes have nothing to decide.
    const rulings = proposals.some(([, each]) => isUndecided(each))
      ? deliberate(proposals, situationOf(proposals, governance, nowMs), (each) => isThere(state, each))
      : []
    for (const { id, ruling } of rulings) await this.#propose(decideOf(id, ruling, governance.policy, nowMs))
    this.#closures.keep(new Set(proposals.map(([id]) => id)))
    for (const [id, proposal] of proposals) await this.#look(id, proposal, state, governance, nowMs)
  }

  async #look(id: string, proposal: ProposalRecord, state: GroupState, governance: Governance, nowMs: number): Promise<void> {
    const { directive, closure } = proposal
    if (directive === undefined || closure !== undefined) return
    const seen = this.#c.sight().of(proposal)
    const step: ClosureStep | undefined = isThere(state, proposal)
      ? this.#closures.look(id, proposal, seen, governance, nowMs)
      : { type: 'lapsed', reason: 'the unit is gone, or its node' }
    if (step === undefined) return
    const taken = await this.#propose(closeOf(id, directive.sequence, step, governance.policy, nowMs))
    if (taken) feelClosure(this.#c.algedonic(), proposal, step)
  }

  async #propose(request: Request): Promise<boolean> {
    const result = await this.#c.decisions.propose(request)
    if (!result.ok) this.#c.logger.info({ op: request.op, reason: result.message }, 'the docket does not take what System 5 says')
    return result.ok && result.changed
  }
}

/** Who proposes is a member, and what it is about runs where it is meant. */
function isThere(state: GroupState, { kind, subject, at, peer }: Proposal): boolean {
  return state.members.has(peer) && (kind === 'capability' || isProvider(state, subject, at))
}

/** A ruling as the docket takes it. */
export function decideOf(
  id: string,
  { verdict, clause, reason }: Ruling,
  { checkMs, holdMs }: Policy,
  nowMs: number,
  by: 'policy' | 'person' = 'policy',
): Request {
  const times = verdict === 'accepted' ? { checkAtMs: nowMs + checkMs, expiresAtMs: nowMs + holdMs } : {}
  return { op: 'proposal:decide', id, verdict, by, clause, reason, ...times }
}

function closeOf(id: string, sequence: number, step: ClosureStep, { checkMs, holdMs }: Policy, nowMs: number): Request {
  const { type, reason } = step
  if (type === 'renew') {
    const { value, measured } = step
    return { op: 'directive:renew', id, value, measured, reason, checkAtMs: nowMs + checkMs, expiresAtMs: nowMs + holdMs }
  }
  return { op: 'directive:close', id, sequence, outcome: type, reason, ...(type === 'lapsed' ? {} : { measured: step.measured }) }
}
