import { type PeerIdString, randomInteger } from '@vsmcp/kernel'
import { SNAPSHOT_RETRY_MS, SPLIT_RETRY_MAX_MS } from '../constants.ts'
import { isVoter, votersOf } from './configuration.ts'
import { askForConfirmation } from './confirmation.ts'
import type { Core } from './core.ts'
import { askAgain, campaign, handlePreVote, handlePreVoteAnswer, handleVote, handleVoteAnswer, reconsider } from './election.ts'
import { follow, handleAppend, handleHeartbeat, handleSnapshot } from './following.ts'
import type { Message, TimeoutNow } from './message.ts'
import { outcomeOf } from './quorum.ts'
import { broadcastHeartbeat, handleAppendAnswer, handleHeartbeatAnswer, sendAppend, sendHeartbeat } from './replication.ts'
import { admit } from './terms.ts'

/** Handles one message. */
export function step(core: Core, from: PeerIdString, message: Message): void {
  if (from === core.id) {
    core.refuse('a message from this node to itself')
    return
  }
  if (!admit(core, from, message)) return
  switch (message.type) {
    case 'preVote':
      handlePreVote(core, from, message)
      break
    case 'preVoteAnswer':
      handlePreVoteAnswer(core, from, message)
      break
    case 'vote':
      handleVote(core, from, message)
      break
    case 'voteAnswer':
      handleVoteAnswer(core, from, message)
      break
    case 'append':
      if (follow(core, from)) handleAppend(core, from, message)
      break
    case 'heartbeat':
      if (follow(core, from)) handleHeartbeat(core, from, message)
      break
    case 'snapshot':
      if (follow(core, from)) handleSnapshot(core, from, message)
      break
    case 'appendAnswer':
      if (core.role === 'leader') handleAppendAnswer(core, from, message)
      break
    case 'heartbeatAnswer':
      if (core.role === 'leader') handleHeartbeatAnswer(core, from, message)
      break
    case 'timeoutNow':
      handleTimeoutNow(core, from, message)
      break
    case 'stale':
      handleStale(core, from)
      break
  }
}

/** A follower that began anew asks for the proof of this leader's election. */
function handleStale(core: Core, from: PeerIdString): void {
  const progress = core.role === 'leader' ? core.progress.get(from) : undefined
  if (progress === undefined) return
  progress.lacksProof = true
  if (!progress.knowsTerm) return
  progress.knowsTerm = false
  sendHeartbeat(core, from, progress)
}

function handleTimeoutNow(core: Core, from: PeerIdString, { term }: TimeoutNow): void {
  if (core.role === 'follower' && core.leader === from) campaign(core, 'transfer')
  else if (core.role === 'follower') core.refuse(`${from} hands over leadership of term ${term}, which it does not hold`)
}

/** Does what is due at `core.nowMs`. */
export function elapse(core: Core): void {
  if (core.role === 'leader') {
    elapseAsLeader(core)
    return
  }
  if (core.nowMs >= core.electionAtMs) campaign(core, 'preVote')
  else if (core.role !== 'follower' && core.nowMs >= core.heartbeatAtMs) askAgain(core)
}

function elapseAsLeader(core: Core): void {
  const { nowMs, timings } = core
  if (nowMs >= core.quorumCheckAtMs) {
    core.quorumCheckAtMs = nowMs + timings.electionTimeoutMinMs
    if (!hasActiveQuorum(core)) {
      core.becomeFollower(core.term, undefined)
      return
    }
    for (const progress of core.progress.values()) progress.active = false
  }
  if (core.transfer !== undefined && nowMs >= core.transfer.untilMs) core.transfer = undefined
  if (nowMs >= core.heartbeatAtMs) {
    core.heartbeatAtMs = nowMs + timings.heartbeatMs
    broadcastHeartbeat(core, 'voters')
    askForConfirmation(core)
  }
  if (nowMs >= core.learnerHeartbeatAtMs) {
    core.learnerHeartbeatAtMs = nowMs + timings.learnerHeartbeatMs
    broadcastHeartbeat(core, 'learners')
  }
  for (const [peer, progress] of core.progress) {
    if (progress.state === 'snapshot' && nowMs - progress.snapshotSentAtMs >= SNAPSHOT_RETRY_MS) {
      progress.becomeProbe()
      sendAppend(core, peer, progress, 'always')
    }
  }
}

/** Whether a quorum was heard from since the last check: a leader that is alone steps back, so that its clients look elsewhere. */
function hasActiveQuorum(core: Core): boolean {
  const answers = (peer: PeerIdString): boolean => {
    const progress = core.progress.get(peer)
    return progress?.active === true && progress.counted
  }
  return outcomeOf(core.configuration, (peer) => peer === core.id || answers(peer)) === 'won'
}

/** When `elapse` next has something to do. */
export function nextDueAtMs(core: Core): number {
  if (core.role === 'leader') {
    const otherVoters = votersOf(core.configuration).filter((peer) => peer !== core.id).length
    return Math.min(
      otherVoters > 0 ? Math.min(core.heartbeatAtMs, core.quorumCheckAtMs) : Number.POSITIVE_INFINITY,
      core.progress.size > otherVoters ? core.learnerHeartbeatAtMs : Number.POSITIVE_INFINITY,
      core.transfer?.untilMs ?? Number.POSITIVE_INFINITY,
    )
  }
  return Math.min(core.electionAtMs, core.heartbeatAtMs)
}

export function connectionClosed(core: Core, peer: PeerIdString): void {
  core.closed.add(peer)
  if (core.role === 'leader') {
    const progress = core.progress.get(peer)
    // What comes back may have forgotten who leads.
    if (progress !== undefined) progress.knowsTerm = false
    if (progress !== undefined && progress.state !== 'probe') progress.becomeProbe()
    if (core.transfer?.to === peer) core.transfer = undefined
  } else if (core.role !== 'follower') reconsider(core)
  else if (peer === (core.leader ?? core.vote)) {
    // Rule 2: nobody waits for a timeout to learn what TCP already said.
    core.urgentAttempts = 0
    if (core.isVoter) core.scheduleElection()
    else core.leader = undefined
  }
}

export function connectionOpened(core: Core, peer: PeerIdString): void {
  core.closed.delete(peer)
  if (core.role === 'leader') {
    const progress = core.progress.get(peer)
    if (progress === undefined) return
    sendHeartbeat(core, peer, progress)
    sendAppend(core, peer, progress, 'always')
  } else if (core.role === 'follower' && peer === core.leader) {
    core.urgentAttempts = undefined
    core.scheduleElection()
  } else if (core.role !== 'follower') askAgain(core)
  else if (core.leader === undefined && isVoter(core.configuration, peer)) {
    // A group that starts: with this voter there may be a majority.
    core.hastenElection(randomInteger(core.random, SPLIT_RETRY_MAX_MS / 3, SPLIT_RETRY_MAX_MS))
  }
}
