import type {
  ClosureWord,
  Decider,
  PeerIdString,
  ProposalEvidence,
  ProposalKind,
  ProposedEffect,
  Proposer,
  VerdictWord,
} from '@vsmcp/kernel'

/**
 * `waiting`: not decided yet, or deferred until something is otherwise; `person`: for a person to decide (`vsmcp decide`); `in-force`: given, its
 * effect is not known yet; `met`, `unmet`, `lapsed`: what became of that; `disobeyed`: its host refused it; `ended`: its time is over.
 */
export const PROPOSAL_STATES = [
  'waiting',
  'person',
  'refused',
  'in-force',
  'met',
  'unmet',
  'lapsed',
  'disobeyed',
  'ended',
] as const
export type ProposalState = (typeof PROPOSAL_STATES)[number]

/** What System 3 or 4 of a node asks of System 5, why, and what became of it. */
export interface ProposalView {
  id: string
  /** Who decides: the System 5 of the group, or of this node for itself. */
  level: 'node' | 'group'
  node: PeerIdString
  nodeName: string
  from: Proposer
  kind: ProposalKind
  subject: string
  /** The node that is to obey. */
  atName: string
  asked: number
  held: number
  effect: ProposedEffect
  evidence: ProposalEvidence
  /** Names of other nodes that propose the same. */
  seconds: string[]
  proposedAt: string
  expiresAt: string
  state: ProposalState
  decision: {
    verdict: VerdictWord
    by: Decider
    authorName: string
    clause: string
    reason: string
    latencyMs: number
    at: string
  } | null
  directive: { value: number; attempt: number; checkAt: string; expiresAt: string } | null
  closure: { outcome: ClosureWord; measured: number | null; reason: string; at: string } | null
}

export interface ProposalsRequest {
  /** Those that are over, too, as far as they are remembered. */
  all: boolean
}

export interface DecideRequest {
  id: string
  accept: boolean
  reason: string
}

/** Beer's homeostat, as counted over the last decisions of the group. */
export interface BalanceView {
  system3: { proposed: number; decided: number; resourced: number }
  system4: { proposed: number; decided: number; resourced: number }
  /** Whom System 5 favours until it has its share again. */
  starved: Proposer | null
}

export interface ProposalCounts {
  /** Not decided yet; how many of these a person has to decide. */
  waiting: number
  person: number
  inForce: number
}
