import { isInForce, isoTime, isUndecided, type PeerIdString, type Proposal } from '@vsmcp/kernel'
import { waitsForPerson } from '@vsmcp/vsm'
import type { ProposalState, ProposalView } from './contract.ts'

/** A proposal as people see it. */
export function proposalView(
  [id, proposal]: readonly [string, Proposal],
  level: ProposalView['level'],
  nameOf: (peer: PeerIdString) => string,
  nowMs: number,
): ProposalView {
  const { from, kind, subject, at, asked, held, effect, evidence, seconds, peer, decision, directive, closure } = proposal
  return {
    id,
    level,
    node: peer,
    nodeName: nameOf(peer),
    from,
    kind,
    subject,
    atName: nameOf(at),
    asked,
    held,
    effect: { metric: effect.metric, before: effect.before, goal: effect.goal },
    evidence: { ...evidence, figures: evidence.figures.map(({ name, value }) => ({ name, value })) },
    seconds: seconds.map(nameOf),
    proposedAt: isoTime(proposal.proposedAtMs),
    expiresAt: isoTime(proposal.expiresAtMs),
    state: stateOf(proposal, nowMs),
    decision:
      decision === undefined
        ? null
        : {
            verdict: decision.verdict,
            by: decision.by,
            authorName: nameOf(decision.author),
            clause: decision.clause,
            reason: decision.reason,
            latencyMs: decision.latencyMs,
            at: isoTime(decision.atMs),
          },
    directive:
      directive === undefined
        ? null
        : {
            value: directive.value,
            attempt: directive.attempt,
            checkAt: isoTime(directive.checkAtMs),
            expiresAt: isoTime(directive.expiresAtMs),
          },
    closure:
      closure === undefined
        ? null
        : {
            outcome: closure.outcome,
            measured: closure.measured ?? null,
            reason: closure.reason,
            at: isoTime(closure.atMs),
          },
  }
}

export function stateOf(proposal: Proposal, nowMs: number): ProposalState {
  const { decision, closure } = proposal
  if (isUndecided(proposal)) return decision !== undefined && waitsForPerson(decision) ? 'person' : 'waiting'
  if (decision?.verdict === 'refused') return 'refused'
  if (closure?.outcome === 'refused') return 'disobeyed'
  if (closure !== undefined && closure.outcome !== 'met') return closure.outcome
  if (!isInForce(proposal, nowMs)) return 'ended'
  return closure === undefined ? 'in-force' : 'met'
}
