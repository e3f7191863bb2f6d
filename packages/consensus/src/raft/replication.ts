import type { PeerIdString } from '@vsmcp/kernel'
import { APPEND_BYTES_MAX, APPEND_ENTRIES_MAX, SNAPSHOT_CHANGES_MAX } from '../constants.ts'
import { isVoter } from './configuration.ts'
import type { Core } from './core.ts'
import { type Entry, entryBytes, type EntryType } from './entry.ts'
import type { AppendAnswer, HeartbeatAnswer, VoteProof } from './message.ts'
import type { Progress } from './progress.ts'
import { reachedByQuorum } from './quorum.ts'

/**
 * Appends a leader's own entry, to be sent with the next `Ready`, together with others of the same turn. It counts
 * towards the commit at once: nothing of a `Ready` is seen outside before it is written.
 */
export function appendOwn(core: Core, type: EntryType, data: Uint8Array): Entry {
  const entry: Entry = { index: core.log.lastIndex + 1, term: core.term, type, data }
  core.log.append(entry)
  core.uncommittedBytes += entryBytes(entry)
  core.unsent = true
  advanceCommit(core)
  return entry
}

/**
 * Commits what a quorum of both halves holds, if its newest entry is of this term: entries of earlier terms are
 * committed with it, never by counting (Raft paper, 5.4.2).
 */
export function advanceCommit(core: Core): void {
  const { log } = core
  const before = log.committed
  const reached = reachedByQuorum(core.configuration, (peer) =>
    peer === core.id ? log.lastIndex : countedMatch(core.progress.get(peer)),
  )
  if (reached <= before || !log.matches(reached, core.term)) return
  for (let index = before + 1; index <= reached; index++) {
    const entry = log.entryAt(index)
    if (entry !== undefined) core.uncommittedBytes = Math.max(0, core.uncommittedBytes - entryBytes(entry))
  }
  log.commitTo(reached)
  core.unsent = true
}

function countedMatch(progress: Progress | undefined): number {
  return progress?.counted === true ? progress.match : 0
}

/** Sends everybody what is new since the last time, be it only the commit index. */
export function flushAppends(core: Core): void {
  if (core.role === 'leader' && core.unsent) for (const [peer, progress] of core.progress) sendNews(core, peer, progress)
  core.unsent = false
}

/** Sends as much of what is new as may be under way. */
function sendNews(core: Core, to: PeerIdString, progress: Progress): void {
  while (sendAppend(core, to, progress, 'news'));
}

/** Begins a round of heartbeats for the reads that wait, once this leader has committed in its term and so knows what is committed (rule 3). */
export function flushReads(core: Core): void {
  if (!canBeginReads(core)) return
  core.reads.begin(core.log.committed)
  broadcastHeartbeat(core, 'voters')
  core.reads.settle(core.configuration, core.id)
}

export function canBeginReads(core: Core): boolean {
  return core.role === 'leader' && core.reads.hasWaiting && core.log.matches(core.log.committed, core.term)
}

export function broadcastHeartbeat(core: Core, whom: 'voters' | 'learners'): void {
  for (const [peer, progress] of core.progress) {
    if (isVoter(core.configuration, peer) !== (whom === 'voters')) continue
    sendHeartbeat(core, peer, progress)
    if (!progress.lacksProof) continue
    // It answers no heartbeat; what convinces it are the endorsed changes of voters among the entries.
    progress.tryAgain()
    sendAppend(core, peer, progress, 'always')
  }
}

export function sendHeartbeat(core: Core, to: PeerIdString, progress: Progress): void {
  // A follower must not commit what this leader does not know it holds: what a copy acknowledged, the original may lack.
  const commit = Math.min(countedMatch(progress), core.log.committed)
  core.send(to, { type: 'heartbeat', term: core.term, commit, round: core.reads.round, ...proofFor(core, progress) })
}

/** @returns whether something was sent. With 'news', an append that has neither entries nor a commit index to tell is not worth sending. */
export function sendAppend(core: Core, to: PeerIdString, progress: Progress, when: 'always' | 'news'): boolean {
  if (progress.paused) return false
  const { log } = core
  const previousIndex = progress.next - 1
  const previousTerm = log.termAt(previousIndex)
  if (previousTerm === undefined) return sendSnapshot(core, to, progress)
  const entries = log.slice(progress.next, log.lastIndex, APPEND_ENTRIES_MAX, APPEND_BYTES_MAX)
  const last = entries.at(-1)
  if (last === undefined && when === 'news' && !progress.mayCommitFurther(log.committed)) return false
  core.send(to, {
    type: 'append',
    term: core.term,
    previousIndex,
    previousTerm,
    entries,
    commit: log.committed,
    ...proofFor(core, progress),
  })
  const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0)
  progress.sent(last?.index ?? previousIndex, bytes, log.committed)
  return true
}

export function handleAppendAnswer(core: Core, from: PeerIdString, message: AppendAnswer): void {
  const progress = core.progress.get(from)
  if (progress === undefined) return
  if (message.index > core.log.lastIndex || message.hintIndex > core.log.lastIndex) {
    core.refuse(`${from} answers about entry ${Math.max(message.index, message.hintIndex)}, which the leader never had`)
    return
  }
  if (message.uncounted === true) progress.distrust(core.log.lastIndex)
  if (message.unproven === true) {
    progress.knowsTerm = false
    progress.lacksProof = true
    if (message.rejected) handleRejection(core, from, progress, message)
    return
  }
  progress.heard(core.nowMs)
  if (message.rejected) handleRejection(core, from, progress, message)
  else handleAcceptance(core, from, progress, message.index)
}

export function handleHeartbeatAnswer(core: Core, from: PeerIdString, message: HeartbeatAnswer): void {
  const progress = core.progress.get(from)
  if (progress === undefined) return
  progress.heard(core.nowMs)
  if (message.uncounted === true) progress.distrust(core.log.lastIndex)
  progress.tryAgain()
  // Who is not counted learns by appends alone what is committed.
  if (progress.match < core.log.lastIndex || progress.state === 'probe' || !progress.counted)
    sendAppend(core, from, progress, 'always')
  concludeTransfer(core, from, progress)
  if (progress.counted) core.reads.answered(from, message.round)
  core.reads.settle(core.configuration, core.id)
}

/** Tells the target of a transfer to campaign as soon as its log is complete. */
export function concludeTransfer(core: Core, peer: PeerIdString, progress: Progress): void {
  if (core.transfer?.to !== peer || !progress.counted || progress.match !== core.log.lastIndex) return
  core.send(peer, { type: 'timeoutNow', term: core.term })
}

function handleRejection(core: Core, from: PeerIdString, progress: Progress, { index, hintIndex, hintTerm }: AppendAnswer): void {
  // Skip the whole stretch of our log that cannot match: one round trip per term, not per entry (etcd-io/raft, `stepLeader`).
  const hint = hintTerm > 0 ? core.log.lastNotAbove(hintIndex, hintTerm).index : hintIndex
  if (progress.refused(index, hint)) sendAppend(core, from, progress, 'always')
}

function handleAcceptance(core: Core, from: PeerIdString, progress: Progress, index: number): void {
  if (!progress.accepted(index)) return
  if (progress.state === 'probe') progress.becomeReplicate()
  else if (progress.state === 'snapshot' && progress.match + 1 >= core.log.firstIndex) {
    progress.becomeProbe()
    progress.becomeReplicate()
  }
  advanceCommit(core)
  sendNews(core, from, progress)
  concludeTransfer(core, from, progress)
}

function sendSnapshot(core: Core, to: PeerIdString, progress: Progress): boolean {
  const { snapshot } = core.log
  // To a peer that does not answer it would only be wasted; its first answer to a heartbeat comes back here.
  if (snapshot === undefined || (!progress.active && !progress.lacksProof) || core.closed.has(to)) return false
  const changes = progress.lacksProof ? { changes: core.log.changesAfter(snapshot.index, SNAPSHOT_CHANGES_MAX) } : {}
  core.send(to, { type: 'snapshot', term: core.term, snapshot, ...changes, ...proofFor(core, progress) })
  progress.becomeSnapshot(snapshot.index, core.nowMs)
  return true
}

/** Proof of this leader's election, until the peer has answered in its term. */
function proofFor(core: Core, progress: Progress): { proof?: VoteProof } {
  return !progress.knowsTerm && core.proof?.term === core.term ? { proof: core.proof } : {}
}
