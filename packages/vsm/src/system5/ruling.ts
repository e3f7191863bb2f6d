import type { Proposal, ProposalDecision, Proposer, VerdictWord } from '@vsmcp/kernel'
import { type Balance, otherThan } from './balance.ts'
import { SURE } from './constants.ts'
import type { Governance, Policy } from './governance.ts'
import { needOfPerson, objectionTo } from './objection.ts'

/** What System 5 says to a proposal, why, and by which clause. */
export interface Ruling {
  readonly verdict: VerdictWord
  readonly clause: string
  readonly reason: string
}

export interface Situation {
  readonly governance: Governance
  readonly balance: Balance
  /** Directives in force that take something from others, by the side whose proposals they were. */
  readonly inForce: Readonly<Record<Proposer, number>>
  /** Searches in force: they take nothing, and whoever asks for tools that nobody has must not keep places from what does. */
  readonly searches: number
  readonly nowMs: number
}

/**
 * What the policies say to a proposal, in this order: is it over; can the policies be read; does it contradict the identity; may this side be
 * resourced; is it above a ceiling; is the evidence strong enough for its cost; is it for a person; is there a place for it, also by the
 * balance of 3 and 4. What passes all is accepted.
 */
export function rule(proposal: Proposal, situation: Situation): Ruling {
  const { governance, nowMs } = situation
  const { policy, flaws } = governance
  const wanted = { kind: proposal.kind, subject: proposal.subject, value: proposal.asked }
  if (nowMs >= proposal.expiresAtMs) return refuse('expiry', 'nobody decided it in its time')
  const objection = objectionTo(wanted, governance)
  if (objection?.clause.startsWith('identity.') === true) return { verdict: 'refused', ...objection }
  if (flaws.length > 0)
    return defer('policy.unreadable', `the policies cannot be acted upon (${flaws[0] ?? ''}): a person decides`)
  if (objection !== undefined) return { verdict: 'refused', ...objection }
  if (!policy.resourced.includes(proposal.from)) {
    return refuse('policy.resourced', `the policies resource nothing that ${proposal.from} proposes`)
  }
  const weak = weaknessOf(proposal, situation)
  if (weak !== undefined) return defer('policy.evidence', weak)
  const need = needOfPerson(wanted, 1 + proposal.seconds.length, policy)
  if (need !== undefined) return { verdict: 'deferred', ...need }
  return (
    wantOfPlace(proposal, situation) ?? {
      verdict: 'accepted',
      clause: 'policy.accept',
      reason: 'within what the policies give',
    }
  )
}

/** What a person wants to have decided: identity and ceilings hold for persons, too, and the time of a proposal. */
export function ruleByPerson(proposal: Proposal, isAccepted: boolean, reason: string, situation: Situation): Ruling {
  if (!isAccepted) return refuse('person', reason)
  if (situation.nowMs >= proposal.expiresAtMs) return refuse('expiry', 'nobody decided it in its time')
  const objection = objectionTo({ kind: proposal.kind, subject: proposal.subject, value: proposal.asked }, situation.governance)
  return objection === undefined ? { verdict: 'accepted', clause: 'person', reason } : { verdict: 'refused', ...objection }
}

/** Deferred until somebody decides; all else that is deferred may be decided by the policies later. */
export function waitsForPerson({ verdict, clause }: Pick<ProposalDecision, 'verdict' | 'clause'>): boolean {
  return verdict === 'deferred' && (clause === 'policy.accept' || clause === 'policy.unreadable')
}

/**
 * What is asked as a share of all that could be given: 0 for what takes nothing from anybody, 1 for all of it. Quarantine takes from a unit
 * everything there is to take.
 */
export function costOf({ kind, asked, held }: Pick<Proposal, 'kind' | 'asked' | 'held'>, policy: Policy): number {
  if (kind === 'capability') return 0
  if (kind === 'quarantine') return 1
  const room = (kind === 'weight' ? policy.weightMax : policy.concurrencyMax) - held
  return room <= 0 ? 1 : Math.min(1, Math.max(0, (asked - held) / room))
}

/** The costlier, the surer: from the least probability of the policies to `SURE`. For a side that starves the least is enough. */
export function probabilityNeeded(
  proposal: Proposal,
  { governance, balance }: Pick<Situation, 'governance' | 'balance'>,
): number {
  const { policy } = governance
  const least = policy.evidence.probability
  if (balance.starved === proposal.from) return least
  return least + Math.max(0, SURE - least) * costOf(proposal, policy)
}

function weaknessOf(proposal: Proposal, situation: Situation): string | undefined {
  const { probability, samples } = proposal.evidence
  const { evidence } = situation.governance.policy
  if (samples < evidence.samples) return `it was seen ${samples} times, and ${evidence.samples} are needed`
  const needed = probabilityNeeded(proposal, situation)
  if (probability >= needed) return undefined
  return `probable with ${probability.toPrecision(3)}, and for what it costs ${needed.toPrecision(3)} are needed`
}

/** Places are few; while a side starves, a share of them is kept for it. */
function wantOfPlace({ kind, from }: Proposal, { governance, balance, inForce, searches }: Situation): Ruling | undefined {
  const { directives, balance: rules } = governance.policy
  if (kind === 'capability') {
    return searches < directives ? undefined : defer('policy.directives', `${searches} searches are in force, as many as may be`)
  }
  const all = inForce.system3 + inForce.system4
  if (all >= directives) return defer('policy.directives', `${all} directives are in force, as many as may be`)
  if (balance.starved !== otherThan(from)) return undefined
  const open = Math.max(1, Math.floor(directives * (1 - rules.reserved)))
  if (inForce[from] < open) return undefined
  return defer(
    'balance',
    `${balance.starved} starves: beyond ${open} places of ${directives} the rest is kept for what it proposes`,
  )
}

const refuse = (clause: string, reason: string): Ruling => ({ verdict: 'refused', clause, reason })
const defer = (clause: string, reason: string): Ruling => ({ verdict: 'deferred', clause, reason })
