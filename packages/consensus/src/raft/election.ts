import { type PeerIdString, randomInteger } from '@vsmcp/kernel'
import { CLOSED_RETRY_MS, SPLIT_RETRY_MAX_MS } from '../constants.ts'
import { membersOf, votersOf } from './configuration.ts'
import { addToProof } from './confirmation.ts'
import type { Core } from './core.ts'
import type { PreVote, PreVoteAnswer, Vote, VoteAnswer, VoteProof } from './message.ts'
import { outcomeOf } from './quorum.ts'
import { appendOwn } from './replication.ts'
import { Progress } from './progress.ts'
import { mayStand, newerProof } from './terms.ts'

/** How a campaign begins: by asking first, or because the leader said so. */
export type Campaign = 'preVote' | 'transfer'

/** Starts an election if this node may stand for one. */
export function campaign(core: Core, kind: Campaign): void {
  if (core.role === 'leader' || !core.isVoter) return
  // Who has yet to install a snapshot or apply a change of voters does not know whose votes count (etcd-io/raft #7, `hup`).
  if (core.log.pendingSnapshot !== undefined || hasUnappliedChange(core)) {
    core.scheduleElection()
    core.blockedCampaign = kind
    return
  }
  core.blockedCampaign = undefined
  if (kind === 'transfer') becomeCandidate(core, true)
  else becomePreCandidate(core)
}

/** Repeats the question to voters that have not answered: messages get lost, and a voter behind catches up by it (rule 4). */
export function askAgain(core: Core): void {
  core.heartbeatAtMs = core.nowMs + core.timings.heartbeatMs
  for (const voter of votersOf(core.configuration)) {
    if (voter !== core.id && !core.ballots.has(voter)) ask(core, voter)
  }
}

export function handlePreVote(core: Core, from: PeerIdString, message: PreVote): void {
  const free = core.vote === from || (core.vote === null && core.leader === undefined) || message.term > core.term
  const granted =
    core.mayVote &&
    mayStand(core, from) &&
    !core.hasLiveLeader &&
    message.term >= core.term &&
    free &&
    core.log.isOutdoneBy(message.lastTerm, message.lastIndex)
  core.send(from, {
    type: 'preVoteAnswer',
    term: core.term,
    campaign: message.term,
    granted,
    ...committedBy(core),
    ...(granted ? {} : newerProof(core, message.term - 1)),
  })
  if (granted) yieldTo(core, from, message)
}

export function handlePreVoteAnswer(core: Core, from: PeerIdString, message: PreVoteAnswer): void {
  learnCommit(core, message)
  if (core.role !== 'pre-candidate' || message.campaign !== core.term + 1) return
  if (!core.ballots.has(from)) core.ballots.set(from, { granted: message.granted, signature: undefined })
  conclude(core)
}

export function handleVote(core: Core, from: PeerIdString, message: Vote): void {
  // Who follows this very leader already may still vote for it: see `askForConfirmation`.
  const free = core.vote === from || (core.vote === null && (core.leader ?? from) === from)
  const granted = core.mayVote && mayStand(core, from) && free && core.log.isOutdoneBy(message.lastTerm, message.lastIndex)
  if (!granted) {
    core.send(from, { type: 'voteAnswer', term: core.term, granted, ...committedBy(core) })
    return
  }
  if (core.role === 'pre-candidate') core.becomeFollower(core.term, undefined)
  core.vote = from
  core.urgentAttempts = undefined
  core.scheduleElection()
  const signature = core.components.signVote?.(core.term, from)
  core.send(from, {
    type: 'voteAnswer',
    term: core.term,
    granted,
    ...committedBy(core),
    ...(signature === undefined ? {} : { signature }),
  })
}

export function handleVoteAnswer(core: Core, from: PeerIdString, message: VoteAnswer): void {
  learnCommit(core, message)
  const isLate = core.role === 'leader' && message.granted
  if (!isLate && (core.role !== 'candidate' || core.ballots.has(from))) return
  const { verifyVote } = core.components
  if (message.granted && verifyVote !== undefined) {
    const { signature } = message
    if (signature === undefined || !verifyVote(from, core.term, core.id, signature)) {
      core.refuse(`the vote of ${from} in term ${core.term} is not signed by it`)
      return
    }
    if (isLate) addToProof(core, from, signature)
  }
  if (isLate) return
  core.ballots.set(from, { granted: message.granted, signature: message.signature })
  conclude(core)
}

function committedBy({ log }: Core): { commit: number; commitTerm: number } {
  return { commit: log.committed, commitTerm: log.termAt(log.committed) ?? 0 }
}

/**
 * Takes over from a refusal what is committed. Without it a group can come to a stop: a leader that commits the end of a
 * joint configuration and dies leaves voters that still count the old half, and of the old half somebody who knows
 * better, refuses them for their shorter log, and is no voter any more itself (tikv/raft-rs, `maybe_commit_by_vote`).
 */
function learnCommit(core: Core, { granted, commit, commitTerm }: PreVoteAnswer | VoteAnswer): void {
  if (granted || core.role === 'leader' || commit <= core.log.committed || !core.log.matches(commit, commitTerm)) return
  core.log.commitTo(commit)
  if (!hasUnappliedChange(core)) return
  // Whose votes count is about to change: begin anew when it has.
  if (core.role !== 'follower') core.becomeFollower(core.term, undefined)
  core.blockedCampaign = 'preVote'
}

function becomePreCandidate(core: Core): void {
  core.role = 'pre-candidate'
  core.leader = undefined
  core.ballots.clear()
  core.transferCampaign = false
  if (core.urgentAttempts !== undefined) core.urgentAttempts++
  core.scheduleElection()
  core.ballots.set(core.id, { granted: true, signature: undefined })
  askAgain(core)
  conclude(core)
}

function becomeCandidate(core: Core, transferred: boolean): void {
  core.becomeFollower(core.term + 1, undefined)
  core.role = 'candidate'
  core.vote = core.id
  core.transferCampaign = transferred
  core.scheduleElection()
  core.ballots.set(core.id, { granted: true, signature: core.components.signVote?.(core.term, core.id) })
  askAgain(core)
  conclude(core)
}

/** Acts upon the answers so far. A voter that is not connected and has not answered counts as lost: waiting for it helps nobody. */
function conclude(core: Core): void {
  const outcome = outcomeOf(
    core.configuration,
    (voter) => core.ballots.get(voter)?.granted ?? (core.closed.has(voter) ? false : undefined),
  )
  if (outcome === 'pending') return
  if (core.role === 'pre-candidate') {
    if (outcome === 'won') becomeCandidate(core, false)
    else giveUp(core)
  } else if (core.role === 'candidate') {
    if (outcome === 'won') becomeLeader(core)
    else giveUp(core)
  }
}

/** Re-examines a running election, after a connection closed. */
export function reconsider(core: Core): void {
  if (core.role === 'pre-candidate' || core.role === 'candidate') conclude(core)
}

function giveUp(core: Core): void {
  const split = core.role === 'candidate'
  const retryAtMs = core.electionAtMs
  core.becomeFollower(core.term, undefined)
  core.electionAtMs = retryAtMs
  // The vote was split, or others are gone: no timeout will change it, so try again soon, but not together.
  if (split) core.hastenElection(randomInteger(core.random, SPLIT_RETRY_MAX_MS / 10, SPLIT_RETRY_MAX_MS))
}

function becomeLeader(core: Core): void {
  core.proof = proofOf(core) ?? core.proof
  const { nowMs, timings } = core
  core.role = 'leader'
  core.leader = core.id
  core.urgentAttempts = undefined
  core.ballots.clear()
  core.transferCampaign = false
  core.electionAtMs = Number.POSITIVE_INFINITY
  core.heartbeatAtMs = nowMs + timings.heartbeatMs
  core.learnerHeartbeatAtMs = nowMs + timings.learnerHeartbeatMs
  core.quorumCheckAtMs = nowMs + timings.electionTimeoutMinMs
  core.uncommittedBytes = 0
  core.progress.clear()
  for (const peer of membersOf(core.configuration)) {
    if (peer !== core.id) core.progress.set(peer, new Progress(core.log.lastIndex + 1, false))
  }
  // A change of voters in the log may not be applied yet, and none is safe before an entry of this term is committed
  // (D. Ongaro, "bug in single-server membership changes", raft-dev 2015): wait for the no-op.
  core.pendingConfigurationIndex = appendOwn(core, 'noop', new Uint8Array()).index
}

function proofOf(core: Core): VoteProof | undefined {
  if (core.components.verifyVote === undefined) return undefined
  const votes = votersOf(core.configuration).flatMap((voter) => {
    const ballot = core.ballots.get(voter)
    return ballot?.granted === true && ballot.signature !== undefined ? [{ voter, signature: ballot.signature }] : []
  })
  return { term: core.term, candidate: core.id, votes }
}

function ask(core: Core, to: PeerIdString): void {
  const { log } = core
  const question = { lastIndex: log.lastIndex, lastTerm: log.lastTerm }
  if (core.role === 'pre-candidate') core.send(to, { type: 'preVote', term: core.term + 1, ...question })
  else core.send(to, { type: 'vote', term: core.term, ...question, transfer: core.transferCampaign, ...newerProof(core, 0) })
}

/**
 * Of two that ask at once, one lets the other go first: who grants a pre-vote waits with its own, and of two
 * pre-candidates with equal logs the one with the lower id steps back. Without it both would vote for themselves.
 */
function yieldTo(core: Core, candidate: PeerIdString, { lastTerm, lastIndex }: PreVote): void {
  if (core.role === 'candidate') return
  const equal = lastTerm === core.log.lastTerm && lastIndex === core.log.lastIndex
  if (core.role === 'pre-candidate') {
    if (equal && candidate < core.id) return
    core.becomeFollower(core.term, undefined)
  }
  core.postponeElection(CLOSED_RETRY_MS)
}

function hasUnappliedChange(core: Core): boolean {
  const { log } = core
  for (let index = log.applied + 1; index <= log.committed; index++) {
    if (log.entryAt(index)?.type === 'configuration') return true
  }
  return false
}
