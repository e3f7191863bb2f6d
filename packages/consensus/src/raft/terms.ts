import type { PeerIdString } from '@vsmcp/kernel'
import { type Configuration, isVoter } from './configuration.ts'
import type { Core } from './core.ts'
import { configurationAfterAll, configurationsThrough } from './endorsement.ts'
import type { Append, InstallSnapshot, Message, VoteProof } from './message.ts'
import { outcomeOf } from './quorum.ts'

/**
 * Rule 4: a node adopts a term only up to its own + 1, or with a majority's signed votes for it. Three ways lead up:
 *
 * * A message that carries proof of an election in a later term lifts the node to that term at once. A leader's messages
 *   carry the proof of its own election until the receiver has answered in its term; votes and `stale` answers carry the
 *   newest proof their sender has.
 * * A message of the node's own term + 1 lifts it by one and is then handled.
 * * A message further ahead without proof it can believe lifts it by one and is dropped. Candidates repeat their votes
 *   and leaders their heartbeats every heartbeat interval (a learner's is longer), so an honest node that is k terms behind
 *   catches up within k intervals, while one member can raise nobody's term faster than it sends, and never by a leap.
 *
 * A pre-vote raises no term, nor does its grant. Its refusal does, by the same rule: otherwise two voters, one with the
 * longer log and one with the later term, would refuse each other for ever.
 *
 * Where votes are signed, two more things hold, so that a member that does not vote moves nobody, and a voter makes
 * itself nobody's leader: who is not known to vote lifts nobody's term without proof, and a leader's messages are believed
 * only with proof of its election. A follower that has none, because it began anew, says so by `stale`.
 *
 * @returns whether the message is to be handled; the node's term is then the message's, or the message is one of those
 * that are handled whatever their term
 */
export function admit(core: Core, from: PeerIdString, message: Message): boolean {
  const { type, term } = message
  if (type === 'preVote') return true
  if (type === 'preVoteAnswer' && message.granted) return true
  if (type === 'vote' && core.hasLiveLeader && !message.transfer && term > core.term) return false
  if (term > core.term && (type === 'voteAnswer' || type === 'appendAnswer' || type === 'heartbeatAnswer')) {
    core.refuse(`${from} answered a question of term ${term}, which this node never asked`)
    return false
  }
  if (message.proof !== undefined) learn(core, message.proof, message)
  const leads = type === 'append' || type === 'heartbeat' || type === 'snapshot'
  if (leads && term >= core.term && !isProvenLeader(core, from, term)) {
    core.refuse(`${from} claims to lead term ${term} without proof of its election`)
    if (term === core.term && core.leader !== undefined) return false
    if (type === 'append') pointOut(core, from, message)
    core.send(from, { type: 'stale', term: core.term })
    return false
  }
  if (term > core.term) {
    if (!mayStand(core, from)) {
      core.refuse(`${from}, which does not vote, speaks of term ${term}`)
      return false
    }
    const within = term === core.term + 1
    core.becomeFollower(core.term + 1, within && leads ? from : undefined)
    return within
  }
  if (term < core.term) {
    if (leads || type === 'vote') {
      core.send(from, { type: 'stale', term: core.term, ...newerProof(core, term) })
    }
    // Who is behind may be so because it lacks the proof that this node leads.
    return type === 'preVoteAnswer' || type === 'stale'
  }
  return true
}

/** Whether this node may vote for the peer: it is a voter as far as this node knows, or the shell knows that it is. */
export function mayStand(core: Core, peer: PeerIdString): boolean {
  return isVoter(core.configuration, peer) || (core.components.mayStand?.(peer) ?? true)
}

/** Accepted already in this very term, or elected by the newest proof. Where votes are not signed there is no proof. */
function isProvenLeader({ components, leader, proof, term: current }: Core, from: PeerIdString, term: number): boolean {
  if (components.verifyVote === undefined) return true
  if (term !== current) return false
  return leader === from || (proof?.term === term && proof.candidate === from)
}

/** The newest proof, when it says more than `term`: a member for a message. */
export function newerProof(core: Core, term: number): { proof?: VoteProof } {
  return core.proof !== undefined && core.proof.term > term ? { proof: core.proof } : {}
}

/**
 * Tells a leader that cannot be verified yet where the logs part: the change of voters that made its election one may be among what is
 * lacking here. It answers in the leader's term, which is not this node's for that.
 */
function pointOut(core: Core, from: PeerIdString, { term, previousIndex, previousTerm }: Append): void {
  const { log } = core
  if (previousIndex < log.committed || log.matches(previousIndex, previousTerm)) return
  const { index: hintIndex, term: hintTerm } = log.lastNotAbove(previousIndex, previousTerm)
  const lacking = { index: previousIndex, rejected: true, hintIndex, hintTerm }
  core.send(from, { type: 'appendAnswer', term, ...lacking, unproven: true, ...core.counting })
}

/** Takes the term of a proof that holds, and keeps it to convince others. */
function learn(core: Core, proof: VoteProof, message: Message): void {
  const known = Math.max(core.proof?.term ?? 0, core.term - 1)
  if (proof.term <= known || proof.term > message.term || !holds(core, proof, message)) return
  core.proof = proof
  if (proof.term > core.term) core.becomeFollower(proof.term, undefined)
}

/**
 * Whether every signature is good and the signers are a majority of voters this node knows, or that the shell vouches for. Known
 * are also the voters of a change that is not committed here yet, or comes just now: what it needs of endorsements it has (rule 5).
 */
function holds(core: Core, proof: VoteProof, message: Message): boolean {
  const { verifyVote, trustsVoters } = core.components
  if (verifyVote === undefined) return false
  const signers = new Set(proof.votes.map(({ voter }) => voter))
  if (signers.size === 0) return false
  if (!proof.votes.every(({ voter, signature }) => verifyVote(voter, proof.term, proof.candidate, signature))) return false
  const won = (configuration: Configuration): boolean => outcomeOf(configuration, (peer) => signers.has(peer)) === 'won'
  if (won(core.configuration)) return true
  if (message.type === 'append' && core.configuration.voters.length > 0) {
    const { previousIndex, previousTerm, entries } = message
    const follows = previousIndex >= core.log.committed && core.log.matches(previousIndex, previousTerm)
    if (follows && won(configurationAfterAll(core, previousIndex, entries))) return true
  }
  if (message.type === 'snapshot') {
    const after = configurationBehind(core, message)
    if (after !== undefined && won(after)) return true
  }
  if (trustsVoters !== undefined) return trustsVoters([...signers], proof)
  return core.configuration.voters.length === 0
}

/**
 * The configuration after the changes that a leader tells with a snapshot. From voters that this node knows endorsed changes lead on to
 * those who voted; what was before them proves nothing. @returns undefined when it knows none of them
 */
function configurationBehind(core: Core, { snapshot, changes = [] }: InstallSnapshot): Configuration | undefined {
  const all = configurationsThrough(core, snapshot.configuration, changes)
  return all.some((at) => isOfNow(core, at)) ? all.at(-1) : undefined
}

function isOfNow({ configuration, components }: Core, { voters, outgoing }: Configuration): boolean {
  if (outgoing.length > 0 || configuration.outgoing.length > 0) return false
  return voters.join() === configuration.voters.join() || components.areVoters?.(voters) === true
}
