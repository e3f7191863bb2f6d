import type { ClosureWord, Decider, ProposalContent, VerdictWord } from '@vsmcp/kernel'
import type { Authored } from './operation.ts'

/** System 3 or 4 of a member proposes, or says the same again with newer evidence. */
export interface ProposalMake extends Authored, ProposalContent {
  readonly op: 'proposal:make'
  readonly id: string
}
/** System 5 decides by its policies, which is for voters to say; or a person does, at any member. */
export interface ProposalDecide extends Authored {
  readonly op: 'proposal:decide'
  readonly id: string
  readonly verdict: VerdictWord
  readonly by: Decider
  readonly clause: string
  readonly reason: string
  /** Given just when it is accepted: when its effect is looked at, and until when it is in force. */
  readonly checkAtMs?: number
  readonly expiresAtMs?: number
}
/** Once more, and more of it: the first directive had not the effect. */
export interface DirectiveRenew extends Authored {
  readonly op: 'directive:renew'
  readonly id: string
  readonly value: number
  readonly measured: number
  readonly reason: string
  readonly checkAtMs: number
  readonly expiresAtMs: number
}
/** What became of a directive; `refused` by the node that was to obey, everything else by a voter. */
export interface DirectiveClose extends Authored {
  readonly op: 'directive:close'
  readonly id: string
  readonly sequence: number
  readonly outcome: ClosureWord
  readonly measured?: number
  readonly reason: string
}

export type ProposalOperation = ProposalMake | ProposalDecide | DirectiveRenew | DirectiveClose
