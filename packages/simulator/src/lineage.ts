import { type GroupState, policyVersionOf } from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'
import { GroupInvariants } from './group-invariants.ts'
import { PolicyHistory } from './policy-history.ts'
import { RaftInvariants } from './raft-invariants.ts'

/** One history of decisions: an epoch as one recovery began it (of rivals each has its own), with the books kept of it. */
export class Lineage {
  readonly raft: RaftInvariants
  readonly group: GroupInvariants
  readonly history: PolicyHistory
  /** Log index by which a peer was let in last. */
  readonly joinedAt = new Map<PeerIdString, number>()

  constructor(first: GroupState, index: number) {
    this.raft = new RaftInvariants(index)
    this.group = new GroupInvariants(first)
    this.history = new PolicyHistory({
      version: policyVersionOf(first.charter),
      value: Number(first.charter.policies['value'] ?? 0),
    })
  }
}
