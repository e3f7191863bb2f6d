import { isInForce, isStanding, isUndecided, type ProposalContent, proposalKey } from '@vsmcp/kernel'
import {
  DIRECTIVE_ATTEMPTS_MAX,
  DIRECTIVES_MAX,
  PROPOSAL_BYTES_MAX,
  PROPOSAL_LIFE_MAX_MS,
  PROPOSAL_PAUSE_MS,
  PROPOSAL_RENEW_MS,
  PROPOSAL_SECONDS_MAX,
  PROPOSALS_OPEN_MAX,
  PROPOSALS_OPEN_PER_MEMBER_MAX,
  PROPOSALS_OVER_MAX,
} from '../constants.ts'
import { canonicalBytes } from '../json/json.ts'
import { isVoter } from '../raft/configuration.ts'
import type { Authority } from './authority.ts'
import type { ProposalRecord } from './docket.ts'
import { unknownFields } from './fields.ts'
import type { Applied, GroupState } from './group-state.ts'
import { changed, type Place, refused, unchanged } from './outcome.ts'
import type { DirectiveClose, DirectiveRenew, ProposalDecide, ProposalMake } from './proposal-operation.ts'
import { isProvider } from './providers.ts'
import { drop, put, recordBytes } from './records.ts'

/** What of an operation is about the operation, not about the proposal. */
const OPERATION_FIELDS = ['op', 'id', 'author', 'atMs']

/** Made for the first time, seconded by another member, or made again by the same one with newer evidence. */
export function makeProposal(state: GroupState, operation: ProposalMake, place: Place): Applied {
  const { id, author, atMs } = operation
  const same = state.proposals.get(id)
  if (same !== undefined && same.peer !== author) {
    return refused(state, 'proposal-exists', `the proposal ${id} is of ${same.peer}`, id)
  }
  if (same !== undefined && !isUndecided(same)) return unchanged(state)
  const flaw = flawOfProposal(state, operation)
  if (flaw !== undefined) return flaw
  const key = proposalKey(operation)
  const alike = state.proposals.entries().filter(([, record]) => proposalKey(record) === key)
  const open = alike.find(([, record]) => isUndecided(record))
  if (open !== undefined) return open[1].peer === author ? renewed(state, open, operation) : seconded(state, open, operation)
  const standing = alike.find(([, record]) => isStanding(record, operation.asked, atMs))
  if (standing !== undefined) return refused(state, 'proposal-exists', `it is in force already, as ${standing[0]}`, standing[0])
  const lately = alike.find(([, { decision, closure }]) => atMs - (closure ?? decision ?? { atMs: 0 }).atMs < PROPOSAL_PAUSE_MS)
  if (lately !== undefined) return refused(state, 'proposal-early', `it was decided just now, as ${lately[0]}`, lately[0])
  return admitted(state, operation, place)
}

/** What a unit needs only the node that runs it asks for; that it lies, only others say. */
function flawOfProposal(state: GroupState, { kind, subject, at, author, atMs, expiresAtMs }: ProposalMake): Applied | undefined {
  if (expiresAtMs <= atMs || expiresAtMs - atMs > PROPOSAL_LIFE_MAX_MS) {
    return refused(state, 'operation-invalid', `a proposal is open for up to ${PROPOSAL_LIFE_MAX_MS} ms, and this one is not`)
  }
  if (kind !== 'capability' && !isProvider(state, subject, at)) {
    return refused(state, 'unit-unknown', `no unit ${subject} runs on ${at}`)
  }
  if ((kind === 'quarantine') !== (at === author)) return undefined
  return refused(state, 'not-yours', `${kind} of ${subject} on ${at} is not for ${author} to propose`, at)
}

function admitted(state: GroupState, operation: ProposalMake, { index }: Place): Applied {
  const { id, author, atMs } = operation
  const record: ProposalRecord = {
    ...unknownFields(operation, OPERATION_FIELDS),
    ...contentOf(operation),
    peer: author,
    seconds: [],
    proposedAtIndex: index,
    proposedAtMs: atMs,
    renewedAtMs: atMs,
  }
  if (recordBytes(id, record) > PROPOSAL_BYTES_MAX) {
    return refused(state, 'operation-invalid', `a proposal takes up to ${PROPOSAL_BYTES_MAX} bytes, and this one more`)
  }
  const open = state.proposals.entries().filter(([, each]) => isUndecided(each))
  const own = open.filter(([, { peer }]) => peer === author).length
  if (own >= PROPOSALS_OPEN_PER_MEMBER_MAX || open.length >= PROPOSALS_OPEN_MAX) {
    const whose = own >= PROPOSALS_OPEN_PER_MEMBER_MAX ? `${author} has ${own}` : `the group has ${open.length}`
    return refused(state, 'proposals-full', `${whose} proposals that wait for a decision, the most there may be`)
  }
  return changed(put(state, 'proposals', id, record), [{ type: 'proposal:made', id }])
}

function contentOf({ from, kind, subject, at, asked, held, effect, evidence, expiresAtMs }: ProposalMake): ProposalContent {
  return { from, kind, subject, at, asked, held, effect, evidence, expiresAtMs }
}

/** Newer evidence in place of the older, but not all the time. */
function renewed(state: GroupState, [id, before]: readonly [string, ProposalRecord], operation: ProposalMake): Applied {
  if (operation.atMs - before.renewedAtMs < PROPOSAL_RENEW_MS) return unchanged(state)
  // It waits since it was made: who goes on saying so does not begin to wait anew, nor wait for longer than it said.
  const content = { ...contentOf(operation), from: before.from, at: before.at, expiresAtMs: before.expiresAtMs }
  const now: ProposalRecord = { ...before, ...content, renewedAtMs: operation.atMs }
  if (recordBytes(id, now) > PROPOSAL_BYTES_MAX) return refused(state, 'operation-invalid', 'a proposal that is too large')
  return changed(put(state, 'proposals', id, now), [{ type: 'proposal:renewed', id }])
}

function seconded(state: GroupState, [id, before]: readonly [string, ProposalRecord], { author }: ProposalMake): Applied {
  if (before.seconds.includes(author) || before.seconds.length >= PROPOSAL_SECONDS_MAX) return unchanged(state)
  const now = { ...before, seconds: [...before.seconds, author] }
  return changed(put(state, 'proposals', id, now), [{ type: 'proposal:renewed', id }])
}

/** The entry that accepts is the directive's place in the order. */
export function decideProposal(state: GroupState, operation: ProposalDecide, place: Place, authority: Authority): Applied {
  const { id, author, atMs, verdict, by, clause, reason, checkAtMs, expiresAtMs } = operation
  const record = state.proposals.get(id)
  if (record === undefined) return unknownProposal(state, id)
  if (by === 'policy' && !isVoter(state.configuration, author)) {
    return refused(state, 'not-yours', `${author} is no voter, and only voters decide by the policies`)
  }
  const { decision } = record
  if (!isUndecided(record)) {
    return decision?.verdict === verdict
      ? unchanged(state)
      : refused(state, 'proposal-over', `the proposal ${id} is ${decision?.verdict ?? 'decided'} already`)
  }
  if (verdict === 'deferred' && decision?.clause === clause) return unchanged(state)
  const { kind, subject, at } = record
  if (verdict === 'accepted' && kind !== 'capability' && !isProvider(state, subject, at)) {
    return refused(state, 'unit-unknown', `no unit ${subject} runs on ${at} any more`)
  }
  const inForce = state.proposals.entries().filter(([, each]) => isInForce(each, atMs)).length
  if (verdict === 'accepted' && inForce >= DIRECTIVES_MAX) {
    return refused(state, 'proposals-full', `${inForce} directives are in force, the most there may be`)
  }
  const latencyMs = Math.max(0, atMs - record.proposedAtMs)
  const evidence = authority.digest(canonicalBytes(record.evidence))
  const decided: ProposalRecord = {
    ...record,
    decision: { verdict, by, author, clause, reason, latencyMs, evidence, atMs },
    ...(checkAtMs === undefined || expiresAtMs === undefined
      ? {}
      : {
          directive: {
            value: record.asked,
            epoch: state.charter.epoch,
            sequence: place.index,
            attempt: 1,
            givenAtMs: atMs,
            checkAtMs,
            expiresAtMs,
          },
        }),
  }
  return changed(forgotten(put(state, 'proposals', id, decided), atMs), [{ type: 'proposal:decided', id }])
}

export function renewDirective(state: GroupState, operation: DirectiveRenew, place: Place): Applied {
  const { id, author, atMs, value, measured, reason, checkAtMs, expiresAtMs } = operation
  const record = state.proposals.get(id)
  if (record?.directive === undefined) return unknownProposal(state, id)
  if (!isVoter(state.configuration, author)) return notByVoter(state, author)
  const { directive, closure } = record
  if (closure !== undefined) return refused(state, 'proposal-over', `the directive of ${id} is ${closure.outcome} already`)
  if (directive.attempt >= DIRECTIVE_ATTEMPTS_MAX) return unchanged(state)
  const again = { attempt: directive.attempt + 1, value, epoch: state.charter.epoch, sequence: place.index, givenAtMs: atMs }
  const now: ProposalRecord = {
    ...record,
    directive: { ...directive, ...again, checkAtMs, expiresAtMs },
    missed: { measured, reason },
  }
  return changed(put(state, 'proposals', id, now), [{ type: 'directive:renewed', id }])
}

export function closeDirective(state: GroupState, operation: DirectiveClose): Applied {
  const { id, author, atMs, sequence, outcome, measured, reason } = operation
  const record = state.proposals.get(id)
  if (record?.directive === undefined) return unknownProposal(state, id)
  const { directive, closure } = record
  // It is about one that was given before: of the one in force nothing is known yet.
  if (directive.sequence !== sequence) return unchanged(state)
  if (closure?.outcome === outcome) return unchanged(state)
  // What was met can be taken back before its time, and nothing else is said twice.
  if (closure !== undefined && (closure.outcome !== 'met' || outcome === 'unmet')) {
    return refused(state, 'proposal-over', `the directive of ${id} is ${closure.outcome} already`)
  }
  if (outcome === 'refused' && author !== record.at) {
    return refused(state, 'not-yours', `${record.at} is to obey, and alone refuses`, record.at)
  }
  if (outcome !== 'refused' && !isVoter(state.configuration, author)) return notByVoter(state, author)
  const now: ProposalRecord = {
    ...record,
    closure: { outcome, ...(measured === undefined ? {} : { measured }), reason, atMs },
  }
  return changed(forgotten(put(state, 'proposals', id, now), atMs), [{ type: 'directive:closed', id }])
}

/** Those that are over stay for a while, for who looks back; a directive in force stays in any case. */
function forgotten(state: GroupState, nowMs: number): GroupState {
  const over = state.proposals
    .entries()
    .filter(([, record]) => !isUndecided(record) && !isInForce(record, nowMs))
    .sort(([, a], [, b]) => (a.decision?.atMs ?? 0) - (b.decision?.atMs ?? 0) || a.proposedAtIndex - b.proposedAtIndex)
  return over.slice(0, Math.max(0, over.length - PROPOSALS_OVER_MAX)).reduce((left, [id]) => drop(left, 'proposals', id), state)
}

function unknownProposal(state: GroupState, id: string): Applied {
  return refused(state, 'proposal-unknown', `there is no proposal ${id} with a directive in question, or it is over for long`)
}

function notByVoter(state: GroupState, author: string): Applied {
  return refused(state, 'not-yours', `${author} is no voter, and only voters say what became of a directive`)
}
