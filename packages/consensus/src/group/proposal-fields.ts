import {
  CLOSURES,
  DECIDERS,
  type DirectiveClosure,
  EFFECT_METRICS,
  type GivenDirective,
  InvalidArgumentError,
  PROPOSAL_KINDS,
  type ProposalContent,
  type ProposalDecision,
  PROPOSALS_OF,
  PROPOSERS,
  UNIT_NAME_PATTERN,
  VERDICTS,
} from '@vsmcp/kernel'
import {
  ALERT_ID_MAX,
  AMOUNT_MAX,
  COUNTER_MAX,
  DIRECTIVE_ATTEMPTS_MAX,
  EVIDENCE_FIGURES_MAX,
  EVIDENCE_TEXT_MAX,
  PROPOSAL_SECONDS_MAX,
  REASON_MAX,
  TOOL_NAME_MAX,
} from '../constants.ts'
import type { ProposalRecord } from './docket.ts'
import { type Fields, fieldsOf, integer, label, list, oneOf, peerId, peerIds } from './fields.ts'
import type { DirectiveClose, DirectiveRenew, ProposalDecide, ProposalMake } from './proposal-operation.ts'

/** Readers of proposals, in operations and in snapshots. All throw `InvalidArgumentError`, naming the field. */
export function proposalContent(fields: Fields): ProposalContent {
  const from = oneOf(fields, 'from', PROPOSERS)
  const kind = oneOf(fields, 'kind', PROPOSAL_KINDS)
  if (!PROPOSALS_OF[from].includes(kind)) throw new InvalidArgumentError(`${kind} is not for ${from} to propose`)
  const subject = label(fields, 'subject', { max: TOOL_NAME_MAX })
  if (kind !== 'capability' && !UNIT_NAME_PATTERN.test(subject)) throw new InvalidArgumentError('subject must be a unit')
  const effect = fieldsOf(fields['effect'], 'an effect')
  const evidence = fieldsOf(fields['evidence'], 'evidence')
  return {
    from,
    kind,
    subject,
    at: peerId(fields, 'at'),
    asked: amount(fields, 'asked', Number.MIN_VALUE),
    held: amount(fields, 'held'),
    effect: {
      metric: oneOf(effect, 'metric', EFFECT_METRICS),
      before: amount(effect, 'before'),
      goal: amount(effect, 'goal'),
    },
    evidence: {
      probability: amount(evidence, 'probability', 0, 1),
      samples: integer(evidence, 'samples', 0, COUNTER_MAX),
      figures: list(evidence, 'figures', EVIDENCE_FIGURES_MAX).map((item) => {
        const figure = fieldsOf(item, 'a figure')
        return { name: label(figure, 'name'), value: amount(figure, 'value') }
      }),
      text: label(evidence, 'text', { max: EVIDENCE_TEXT_MAX, min: 0 }),
    },
    expiresAtMs: integer(fields, 'expiresAtMs', 0),
  }
}

export function proposalId(fields: Fields): string {
  return label(fields, 'id', { max: ALERT_ID_MAX })
}

/** What each operation has of its own. */
export const PROPOSAL_READERS = {
  'proposal:make': (f: Fields): Pick<ProposalMake, 'id' | keyof ProposalContent> => ({
    id: proposalId(f),
    ...proposalContent(f),
  }),
  'proposal:decide': (
    f: Fields,
  ): Pick<ProposalDecide, 'id' | 'verdict' | 'by' | 'clause' | 'reason' | 'checkAtMs' | 'expiresAtMs'> => {
    const verdict = oneOf(f, 'verdict', VERDICTS)
    if ((f['expiresAtMs'] === undefined) === (verdict === 'accepted')) {
      throw new InvalidArgumentError('a proposal that is accepted has times, and no other')
    }
    return {
      id: proposalId(f),
      verdict,
      by: oneOf(f, 'by', DECIDERS),
      clause: label(f, 'clause'),
      reason: label(f, 'reason', { max: REASON_MAX }),
      ...(verdict === 'accepted' ? times(f) : {}),
    }
  },
  'directive:renew': (f: Fields): Pick<DirectiveRenew, 'id' | 'value' | 'measured' | 'reason' | 'checkAtMs' | 'expiresAtMs'> => ({
    id: proposalId(f),
    value: amount(f, 'value', Number.MIN_VALUE),
    measured: amount(f, 'measured'),
    reason: label(f, 'reason', { max: REASON_MAX }),
    ...times(f),
  }),
  'directive:close': (f: Fields): Pick<DirectiveClose, 'id' | 'sequence' | 'outcome' | 'measured' | 'reason'> => ({
    id: proposalId(f),
    sequence: integer(f, 'sequence', 1, COUNTER_MAX),
    ...closing(f),
  }),
}

export function readProposal(value: unknown): ProposalRecord {
  const fields = fieldsOf(value, 'a proposal')
  const { decision, directive, closure } = fields
  return {
    ...fields,
    ...proposalContent(fields),
    peer: peerId(fields, 'peer'),
    seconds: peerIds(fields, 'seconds', PROPOSAL_SECONDS_MAX),
    proposedAtIndex: integer(fields, 'proposedAtIndex', 1, COUNTER_MAX),
    proposedAtMs: integer(fields, 'proposedAtMs', 0),
    renewedAtMs: integer(fields, 'renewedAtMs', 0),
    ...(decision === undefined ? {} : { decision: readDecision(fieldsOf(decision, 'a decision')) }),
    ...(directive === undefined ? {} : { directive: readDirective(fieldsOf(directive, 'a directive')) }),
    ...(closure === undefined ? {} : { closure: readClosure(fieldsOf(closure, 'a closure')) }),
  }
}

function readDecision(fields: Fields): ProposalDecision {
  return {
    ...fields,
    verdict: oneOf(fields, 'verdict', VERDICTS),
    by: oneOf(fields, 'by', DECIDERS),
    author: peerId(fields, 'author'),
    clause: label(fields, 'clause'),
    reason: label(fields, 'reason', { max: REASON_MAX }),
    latencyMs: integer(fields, 'latencyMs', 0),
    evidence: label(fields, 'evidence'),
    atMs: integer(fields, 'atMs', 0),
  }
}

function readDirective(fields: Fields): GivenDirective {
  return {
    ...fields,
    value: amount(fields, 'value', Number.MIN_VALUE),
    epoch: integer(fields, 'epoch', 1),
    sequence: integer(fields, 'sequence', 1, COUNTER_MAX),
    attempt: integer(fields, 'attempt', 1, DIRECTIVE_ATTEMPTS_MAX),
    givenAtMs: integer(fields, 'givenAtMs', 0),
    ...times(fields),
  }
}

function readClosure(fields: Fields): DirectiveClosure {
  return { ...fields, ...closing(fields), atMs: integer(fields, 'atMs', 0) }
}

function closing(fields: Fields): Pick<DirectiveClosure, 'outcome' | 'measured' | 'reason'> {
  return {
    outcome: oneOf(fields, 'outcome', CLOSURES),
    ...(fields['measured'] === undefined ? {} : { measured: amount(fields, 'measured') }),
    reason: label(fields, 'reason', { max: REASON_MAX }),
  }
}

function times(fields: Fields): { checkAtMs: number; expiresAtMs: number } {
  const checkAtMs = integer(fields, 'checkAtMs', 0)
  return { checkAtMs, expiresAtMs: integer(fields, 'expiresAtMs', checkAtMs) }
}

/** A measured or wanted amount: finite, not negative, not absurd. */
function amount(fields: Fields, name: string, min = 0, max = AMOUNT_MAX): number {
  const value = fields[name]
  if (typeof value !== 'number' || !Number.isFinite(value) || value < min || value > max) {
    throw new InvalidArgumentError(`${name} must be a number from ${min} to ${max}`)
  }
  return value
}
