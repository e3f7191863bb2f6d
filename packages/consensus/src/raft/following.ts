import type { PeerIdString } from '@vsmcp/kernel'
import type { Core } from './core.ts'
import { unendorsedEntry } from './endorsement.ts'
import type { Append, Heartbeat, InstallSnapshot } from './message.ts'

/**
 * Takes the sender as the leader of this term. A term has one leader: a second one is refused, and so is a leader's
 * message to the leader itself.
 */
export function follow(core: Core, from: PeerIdString): boolean {
  if (core.role === 'leader' || (core.leader !== undefined && core.leader !== from)) {
    core.refuse(`${from} claims to lead term ${core.term}, whose leader is ${core.leader ?? 'unknown'}`)
    return false
  }
  if (core.role === 'follower' && core.leader === from) core.heardFromLeader()
  else core.becomeFollower(core.term, from)
  return true
}

export function handleAppend(core: Core, from: PeerIdString, message: Append): void {
  const { log, term } = core
  const { previousIndex, previousTerm, entries } = message
  if (previousIndex < log.committed) {
    acknowledge(core, from, log.committed)
    return
  }
  if (!log.matches(previousIndex, previousTerm)) {
    const hint = log.lastNotAbove(previousIndex, previousTerm)
    core.send(from, {
      type: 'appendAnswer',
      term,
      index: previousIndex,
      rejected: true,
      hintIndex: hint.index,
      hintTerm: hint.term,
      ...core.counting,
    })
    return
  }
  const flaw = unendorsedEntry(core, previousIndex, entries)
  if (flaw !== undefined) {
    // Nothing is written, and nothing answered: an honest leader never sends it.
    core.refuse(`${from}: ${flaw}`)
    return
  }
  log.merge(entries)
  const lastNew = previousIndex + entries.length
  // Only up to what this message vouches for: what lies behind may not be the leader's.
  log.commitTo(Math.min(message.commit, lastNew))
  acknowledge(core, from, lastNew)
}

export function handleHeartbeat(core: Core, from: PeerIdString, message: Heartbeat): void {
  // It says what the leader knows this identity to hold. A copied or restored disk may hold something else there, so such a
  // node commits only by appends, which say what they follow.
  if (core.mayVote) core.log.commitTo(message.commit)
  core.send(from, { type: 'heartbeatAnswer', term: core.term, round: message.round, ...core.counting })
}

export function handleSnapshot(core: Core, from: PeerIdString, { snapshot }: InstallSnapshot): void {
  const { log } = core
  if (snapshot.index > log.committed) {
    if (log.matches(snapshot.index, snapshot.term)) {
      // The log already holds all of it: it is only committed.
      log.commitTo(snapshot.index)
    } else {
      // The configuration need not name this node: a newcomer is often added by an entry behind the snapshot.
      log.restore(snapshot)
      core.configuration = snapshot.configuration
      core.configurationIndex = snapshot.index
      core.scheduleElection()
    }
  }
  acknowledge(core, from, log.committed)
}

/** Tells the leader up to where this log surely agrees with its own. */
function acknowledge(core: Core, from: PeerIdString, index: number): void {
  core.send(from, { type: 'appendAnswer', term: core.term, index, rejected: false, hintIndex: 0, hintTerm: 0, ...core.counting })
}
