import type { Clock, PeerIdString, Proposal } from '@vsmcp/kernel'
import { type Governance, type Listed, ruleByPerson, situationOf } from '@vsmcp/vsm'
import { ProposalRefusedError, ProposalUnknownError, RefusedError } from '../../errors.ts'
import type { Decisions } from '../decisions.ts'
import type { GroupLog } from '../group-log.ts'
import type { BalanceView, DecideRequest, ProposalCounts, ProposalsRequest, ProposalState, ProposalView } from './contract.ts'
import { decideOf } from './group-governing.ts'
import type { OwnGoverning } from './own-governing.ts'
import { proposalView, stateOf } from './proposal-view.ts'

export interface ProposalDeskComponents {
  log: Pick<GroupLog, 'state'>
  own: Pick<OwnGoverning, 'list'>
  decisions: Pick<Decisions, 'current' | 'decide'>
  governance: () => Governance
  nameOf: (peer: PeerIdString) => string
  clock: Clock
}

/** What is not over, the more urgent first. */
const OPEN: readonly ProposalState[] = ['person', 'waiting', 'in-force', 'met']

/** What people do with proposals. */
export class ProposalDesk {
  readonly #c: ProposalDeskComponents

  constructor(components: ProposalDeskComponents) {
    this.#c = components
  }

  /** Those that wait for a person first, then what waits, then what is in force, then what is over; the newest first in each. */
  list({ all }: ProposalsRequest): ProposalView[] {
    const { own, nameOf, clock } = this.#c
    const nowMs = clock.wallMs()
    const views = [
      ...this.#ofGroup().map((entry) => proposalView(entry, 'group', nameOf, nowMs)),
      ...own.list().map((entry) => proposalView(entry, 'node', nameOf, nowMs)),
    ]
    const rank = ({ state }: ProposalView): number => (OPEN.includes(state) ? OPEN.indexOf(state) : OPEN.length)
    return views
      .filter(({ state }) => all || OPEN.includes(state))
      .sort((a, b) => rank(a) - rank(b) || (a.proposedAt < b.proposedAt ? 1 : -1))
  }

  counts(): ProposalCounts {
    const nowMs = this.#c.clock.wallMs()
    const counts = { waiting: 0, person: 0, inForce: 0 }
    for (const [, proposal] of [...this.#ofGroup(), ...this.#c.own.list()]) {
      const state = stateOf(proposal, nowMs)
      if (state === 'waiting' || state === 'person') counts.waiting++
      if (state === 'person') counts.person++
      if (state === 'in-force' || state === 'met') counts.inForce++
    }
    return counts
  }

  /** Of the group. */
  balance(): BalanceView {
    const governance = this.#c.governance()
    const { sides, starved } = situationOf(this.#ofGroup(), governance, this.#c.clock.wallMs()).balance
    return { system3: { ...sides.system3 }, system4: { ...sides.system4 }, starved }
  }

  /** All that was decided and is remembered, of the group and of this node. */
  decided(): Proposal[] {
    const all = [...this.#ofGroup(), ...this.#c.own.list()].map(([, proposal]) => proposal)
    return all.filter(({ decision }) => decision !== undefined && decision.verdict !== 'deferred')
  }

  /**
   * A person decides what waits. Throws `ProposalUnknownError`, and `ProposalRefusedError` when what is to be accepted contradicts the identity, is
   * above a ceiling, or is over: then it goes on waiting.
   */
  async decide({ id, accept, reason }: DecideRequest): Promise<ProposalView> {
    const { decisions, clock, nameOf } = this.#c
    const state = await decisions.current()
    const proposal = state.proposals.get(id)
    if (proposal === undefined) throw this.#unknown(id)
    const nowMs = Math.round(clock.wallMs())
    const governance = this.#c.governance()
    const ruling = ruleByPerson(proposal, accept, reason, situationOf(state.proposals.entries(), governance, nowMs))
    if (accept && ruling.verdict !== 'accepted') {
      throw new ProposalRefusedError(`${proposal.kind} of ${proposal.subject} cannot be accepted: ${ruling.reason}`, {
        hint: `Refuse it with \`vsmcp decide ${id} refuse --reason …\`, or let those whose identity and policies these are change them.`,
        details: { clause: ruling.clause },
      })
    }
    try {
      await decisions.decide(decideOf(id, ruling, governance.policy, nowMs, 'person'))
    } catch (error) {
      if (error instanceof RefusedError && error.details['reason'] === 'proposal-unknown') throw this.#unknown(id)
      throw error
    }
    const decided = this.#c.log.state?.proposals.get(id)
    return proposalView([id, decided ?? proposal], 'group', nameOf, nowMs)
  }

  #ofGroup(): Listed {
    return this.#c.log.state?.proposals.entries() ?? []
  }

  #unknown(id: string): ProposalUnknownError {
    const isOwn = this.#c.own.list().some(([own]) => own === id)
    if (isOwn) {
      return new ProposalUnknownError(`${id} is an affair of this node alone, which decides it by the policies`, {
        hint: 'The policy `system5.nodeWeight` says what a node decides for itself.',
      })
    }
    return new ProposalUnknownError(`the group has no proposal ${id}, or it is over for long`, {
      hint: '`vsmcp proposals --all` lists those that are remembered.',
    })
  }
}
