import type { PeerIdString } from './ids.ts'

/** Who proposes to System 5: what is inside and now, and what is outside and then. */
export const PROPOSERS = ['system3', 'system4'] as const
export type Proposer = (typeof PROPOSERS)[number]

/**
 * What may be proposed. `weight`: what a unit weighs in the bargain; `concurrency`: calls it may have in work, beyond what it was attached
 * with; `quarantine`: one call at a time; `capability`: that the search for a tool nobody has begins.
 */
export const PROPOSAL_KINDS = ['weight', 'concurrency', 'quarantine', 'capability'] as const
export type ProposalKind = (typeof PROPOSAL_KINDS)[number]

/** Who may propose what. */
export const PROPOSALS_OF: Readonly<Record<Proposer, readonly ProposalKind[]>> = {
  system3: ['weight', 'concurrency', 'quarantine'],
  system4: ['weight', 'concurrency', 'capability'],
}

/**
 * What an effect is measured in, in one window of a unit: 99th percentile of its latency in ms, share of its calls that failed, share turned
 * away, calls in work; and whether a tool is offered (1) or not (0).
 */
export const EFFECT_METRICS = ['latency', 'errors', 'turned-away', 'in-flight', 'offered'] as const
export type EffectMetric = (typeof EFFECT_METRICS)[number]

/**
 * What a group makes of a directive of one above it. `held`: obeyed, not measured yet; `met`, `unmet`: obeyed, and what is measured agrees with it, or
 * does not; `refused`: not obeyed. What is more urgent to hear of is later in the list.
 */
export const FOLLOWED_STATES = ['held', 'met', 'unmet', 'refused'] as const
export type FollowedState = (typeof FOLLOWED_STATES)[number]

/** `deferred`: not now, or not without a person. */
export const VERDICTS = ['accepted', 'refused', 'deferred'] as const
export type VerdictWord = (typeof VERDICTS)[number]

/** Who decided: System 5 by the policies, or a person. */
export const DECIDERS = ['policy', 'person'] as const
export type Decider = (typeof DECIDERS)[number]

/** What became of a directive. `lapsed`: nothing could be measured, or it is nobody's any more; `refused`: its host does not obey it. */
export const CLOSURES = ['met', 'unmet', 'lapsed', 'refused'] as const
export type ClosureWord = (typeof CLOSURES)[number]

/** What a proposal rests upon, in numbers. */
export interface ProposalEvidence {
  /** That what is complained of is so, and lasts. */
  readonly probability: number
  /** Windows, audits or calls that it was seen in. */
  readonly samples: number
  readonly figures: readonly { readonly name: string; readonly value: number }[]
  readonly text: string
}

/** What is to be seen when a proposal was right: the metric from `before` to `goal`. */
export interface ProposedEffect {
  readonly metric: EffectMetric
  readonly before: number
  readonly goal: number
}

export interface ProposalContent {
  readonly from: Proposer
  readonly kind: ProposalKind
  /** A unit; for `capability` a tool. */
  readonly subject: string
  /** The node that is to obey: one that runs the unit; for `capability` the one that asks. */
  readonly at: PeerIdString
  /** A weight, calls at once, or for `capability` the calls that wanted it. */
  readonly asked: number
  /** What the subject has of it now. */
  readonly held: number
  readonly effect: ProposedEffect
  readonly evidence: ProposalEvidence
  /** Nobody decides it afterwards. Wall time. */
  readonly expiresAtMs: number
}

export interface ProposalDecision {
  readonly verdict: VerdictWord
  readonly by: Decider
  /** The node that led, or that the person used. */
  readonly author: PeerIdString
  /** What it was decided by, such as `identity.keep` or `policy.evidence`. */
  readonly clause: string
  readonly reason: string
  /** From the proposal to this decision, by the clock of who led. */
  readonly latencyMs: number
  /** Digest of the evidence that was decided upon. */
  readonly evidence: string
  readonly atMs: number
}

/** What System 5 has a unit do, through System 3 of its node. Order is (epoch, sequence). */
export interface GivenDirective {
  readonly value: number
  readonly epoch: number
  readonly sequence: number
  /** 2 when the first had not the effect. */
  readonly attempt: number
  readonly givenAtMs: number
  readonly checkAtMs: number
  readonly expiresAtMs: number
}

export interface DirectiveClosure {
  readonly outcome: ClosureWord
  /** What was measured last; absent when nothing was. */
  readonly measured?: number
  readonly reason: string
  readonly atMs: number
}

/** A proposal with all that became of it, as whoever governs keeps it. */
export interface Proposal extends ProposalContent {
  /** The node whose system proposes it. */
  readonly peer: PeerIdString
  /** Other nodes that propose the same. */
  readonly seconds: readonly PeerIdString[]
  readonly proposedAtMs: number
  readonly decision?: ProposalDecision
  readonly directive?: GivenDirective
  readonly closure?: DirectiveClosure
}

/** Two proposals of one key are about the same. Whoever misses a tool, all miss the same. */
export function proposalKey({ kind, subject, at }: Pick<ProposalContent, 'kind' | 'subject' | 'at'>): string {
  return kind === 'capability' ? `${kind} ${subject}` : `${kind} ${subject} ${at}`
}

/** Whether it waits for its decision. */
export function isUndecided({ decision }: Pick<Proposal, 'decision'>): boolean {
  return decision === undefined || decision.verdict === 'deferred'
}

/** Whether the same, asked again, has to wait: its directive is in force, and its effect is not known yet, or no other amount is asked for. */
export function isStanding(proposal: Pick<Proposal, 'directive' | 'closure'>, asked: number, nowMs: number): boolean {
  return isInForce(proposal, nowMs) && (proposal.closure === undefined || proposal.directive?.value === asked)
}

/** Whether its directive is to be obeyed. */
export function isInForce({ directive, closure }: Pick<Proposal, 'directive' | 'closure'>, nowMs: number): boolean {
  return directive !== undefined && nowMs < directive.expiresAtMs && (closure === undefined || closure.outcome === 'met')
}
