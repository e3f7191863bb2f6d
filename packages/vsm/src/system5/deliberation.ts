import { isInForce, isUndecided, type Proposal, type Proposer } from '@vsmcp/kernel'
import { type Balance, balanceOf } from './balance.ts'
import { DECISIONS_AT_ONCE } from './constants.ts'
import type { Governance } from './governance.ts'
import { type Ruling, rule, type Situation } from './ruling.ts'

/** Of the docket, or of a node for itself: the same deliberation. */
export type Listed = readonly (readonly [string, Proposal])[]

export interface Deliberated {
  readonly id: string
  readonly ruling: Ruling
}

/** How things stand for System 5 now. */
export function situationOf(proposals: Listed, governance: Governance, nowMs: number): Situation {
  const all = proposals.map(([, proposal]) => proposal)
  const inForce = { system3: 0, system4: 0 }
  let searches = 0
  for (const each of all) {
    if (!isInForce(each, nowMs)) continue
    if (each.kind === 'capability') searches++
    else inForce[each.from]++
  }
  return { governance, balance: balanceOf(all, governance.policy), inForce, searches, nowMs }
}

/**
 * One pass of System 5 over what waits: a bounded number of rulings that say something new, what a side that starves proposes first, then
 * what is surest, then what waits longest. Each acceptance takes a place from those after it.
 *
 * @param isThere whether who proposes, and what it is about, are still there
 */
export function deliberate(proposals: Listed, situation: Situation, isThere: (proposal: Proposal) => boolean): Deliberated[] {
  const inForce = { ...situation.inForce }
  let { searches } = situation
  const rulings: Deliberated[] = []
  for (const [id, proposal] of inOrder(proposals, situation.balance)) {
    if (rulings.length >= DECISIONS_AT_ONCE) break
    const ruling: Ruling = isThere(proposal)
      ? rule(proposal, { ...situation, inForce, searches })
      : { verdict: 'refused', clause: 'expiry', reason: 'who proposed it, or what it is about, is gone' }
    if (ruling.verdict === 'deferred' && proposal.decision?.clause === ruling.clause) continue
    if (ruling.verdict === 'accepted') {
      if (proposal.kind === 'capability') searches++
      else inForce[proposal.from]++
    }
    rulings.push({ id, ruling })
  }
  return rulings
}

function inOrder(proposals: Listed, { starved }: Balance): Listed {
  const rank = (from: Proposer): number => (from === starved ? 0 : 1)
  return proposals
    .filter(([, proposal]) => isUndecided(proposal))
    .sort(
      ([idA, a], [idB, b]) =>
        rank(a.from) - rank(b.from) ||
        b.evidence.probability - a.evidence.probability ||
        a.proposedAtMs - b.proposedAtMs ||
        (idA < idB ? -1 : 1),
    )
}
