import type { GivenDirective, Proposal, ProposalDecision } from '@vsmcp/kernel'
import { type Governance, readGovernance } from '../../src/index.ts'

export const governed = (policies: Readonly<Record<string, unknown>> = {}): Governance => readGovernance(policies)

/** System 3 of node b asks for twice the weight of files. */
export const proposal = (change: Partial<Proposal> = {}): Proposal => ({
  from: 'system3',
  kind: 'weight',
  subject: 'files',
  at: 'b',
  asked: 2,
  held: 1,
  effect: { metric: 'latency', before: 120, goal: 50 },
  evidence: { probability: 0.95, samples: 3, figures: [], text: '' },
  expiresAtMs: 1_000_000,
  peer: 'b',
  seconds: [],
  proposedAtMs: 0,
  ...change,
})

export const lack = (change: Partial<Proposal> = {}): Proposal =>
  proposal({
    from: 'system4',
    kind: 'capability',
    subject: 'fly',
    asked: 3,
    held: 0,
    effect: { metric: 'offered', before: 0, goal: 1 },
    ...change,
  })

export const decision = (change: Partial<ProposalDecision> = {}): ProposalDecision => ({
  verdict: 'accepted',
  by: 'policy',
  author: 'a',
  clause: 'policy.accept',
  reason: 'x',
  latencyMs: 5,
  evidence: '',
  atMs: 100,
  ...change,
})

export const directive = (change: Partial<GivenDirective> = {}): GivenDirective => ({
  value: 2,
  epoch: 1,
  sequence: 7,
  attempt: 1,
  givenAtMs: 100,
  checkAtMs: 10_000,
  expiresAtMs: 100_000,
  ...change,
})

export const given = (change: Partial<Proposal> = {}, order: Partial<GivenDirective> = {}): Proposal =>
  proposal({ decision: decision(), directive: directive(order), ...change })
