import type { GroupId, PeerIdString } from '@vsmcp/kernel'
import { CONFIGURATION_CHANGES_MAX, VOTER_DEAD_AFTER_MS, VOTERS_MAX, VOTERS_TARGET } from '../constants.ts'
import { byCodeUnit } from '../json/json.ts'
import { type Configuration, type ConfigurationChange, isJoint, type MemberChange } from '../raft/configuration.ts'
import type { MemberRole } from './docket.ts'

/** What the leader sees of a member now. */
export interface Reachability {
  /** A connection is open (true for the leader itself). */
  readonly reachable: boolean
  /** Milliseconds since the member was last alive, 0 while it is. */
  readonly failedForMs: number
  /** Its log has caught up (`PeerProgress.inSync`; true for the leader itself). */
  readonly inSync: boolean
  /** Milliseconds it has been up, as far as the leader knows. */
  readonly upForMs: number
}

export interface Candidate {
  readonly peer: PeerIdString
  readonly role: MemberRole
  readonly zone: string
  /** `Member.delegateOf`. */
  readonly delegateOf?: GroupId | undefined
}

export interface ChooseVotersInit {
  /** Voters aimed for: odd, at most `VOTERS_MAX`. @default 5 */
  target?: number
  /** A voter failed for longer is replaced when a live member in sync exists. @default 600_000 */
  deadAfterMs?: number
}

/** What `edge` is said of here: who is an edge node, or has its home in another group. */
function isSpare({ role, delegateOf }: Candidate): boolean {
  return role === 'edge' || delegateOf !== undefined
}

/** Edge nodes take seats only up to this many voters, and only while there are fewer others (rule 7). */
const SEATS_WITH_EDGE = 3

const UNSEEN: Reachability = { reachable: false, failedForMs: 0, inSync: false, upForMs: 0 }

interface Seat extends Candidate, Reachability {
  readonly votes: boolean
  readonly dead: boolean
  /** Takes a seat only while there are fewer than three others. */
  readonly spare: boolean
}

/**
 * Rule 7: who should vote, from what the leader sees now. Up to `target` voters, always odd: one node is its own quorum,
 * two keep one voter, one becomes three when two more are in sync. Voters that are not dead keep their seats; an empty
 * seat, or a dead voter's, goes to a live member in sync, to the zone with the fewest voters first, then to the longest
 * up; without such a member nothing shrinks. Edge nodes fill seats only while there are fewer than three others, and delegates of
 * child groups, whose home is elsewhere, likewise, unless there are none but delegates and edge nodes. Everybody
 * else that is a member learns, nobody else does.
 *
 * @param members who may vote or learn; leave out who is leaving
 * @param reachable by PeerId; whoever is not in it counts as not reachable since just now
 * @returns the change to propose, or `undefined` when all is as it should be or a change is under way
 */
export function chooseVoters(
  members: readonly Candidate[],
  reachable: ReadonlyMap<PeerIdString, Reachability>,
  current: Configuration,
  { target = VOTERS_TARGET, deadAfterMs = VOTER_DEAD_AFTER_MS }: ChooseVotersInit = {},
): ConfigurationChange | undefined {
  if (isJoint(current) || members.length === 0) return undefined
  // Where all but edge nodes are delegates, the group consists of them: it is theirs to govern.
  const isTheirs = members.every(isSpare)
  const seats = members.map((candidate): Seat => {
    const seen = reachable.get(candidate.peer) ?? UNSEEN
    const dead = !seen.reachable && seen.failedForMs > deadAfterMs
    const spare = isTheirs ? candidate.role === 'edge' : isSpare(candidate)
    return { ...candidate, ...seen, votes: current.voters.includes(candidate.peer), dead, spare }
  })
  const voters = fillSeats(seats, Math.min(target, VOTERS_MAX))
  return voters.length === 0 ? undefined : changeTo(current, voters, members)
}

function fillSeats(seats: readonly Seat[], target: number): readonly PeerIdString[] {
  const fit = seats.filter(({ votes, dead, reachable, inSync }) => (votes ? !dead : reachable && inSync))
  const others = fit.filter(({ spare }) => !spare)
  const withEdge = others.length < SEATS_WITH_EDGE && others.length < fit.length
  const available = withEdge ? fit : others
  const held = seats.filter(({ votes }) => votes)
  const most = withEdge ? Math.min(target, SEATS_WITH_EDGE) : target
  // What is held is not given up because somebody is dead: fewer voters would bear fewer further failures.
  const size = Math.max(oddUpTo(Math.min(most, available.length)), oddUpTo(Math.min(most, held.length)))
  const chosen: Seat[] = []
  const take = (from: readonly Seat[]): void => {
    const left = [...from]
    while (chosen.length < size) {
      const next = left.sort((a, b) => preference(a, b, chosen))[0]
      if (next === undefined) return
      chosen.push(next)
      left.shift()
    }
  }
  take(available.filter((seat) => seat.votes && !seat.spare))
  take(available.filter((seat) => !seat.votes && !seat.spare))
  take(available.filter((seat) => seat.votes && seat.spare))
  take(available.filter((seat) => !seat.votes && seat.spare))
  take(held.filter((seat) => !chosen.includes(seat) && !seat.spare))
  take(held.filter((seat) => !chosen.includes(seat)))
  return chosen.map(({ peer }) => peer).sort(byCodeUnit)
}

/** Reachable before not, the shortest away first, then the zone with the fewest seats so far, then the longest up, then by id. */
function preference(a: Seat, b: Seat, chosen: readonly Seat[]): number {
  const inZone = (zone: string): number => chosen.filter((seat) => seat.zone === zone).length
  return (
    Number(b.reachable) - Number(a.reachable) ||
    a.failedForMs - b.failedForMs ||
    inZone(a.zone) - inZone(b.zone) ||
    b.upForMs - a.upForMs ||
    byCodeUnit(a.peer, b.peer)
  )
}

function changeTo(
  current: Configuration,
  voters: readonly PeerIdString[],
  members: readonly Candidate[],
): ConfigurationChange | undefined {
  const known = new Set(members.map(({ peer }) => peer))
  const seated = new Set(voters)
  const listening = new Set(current.learners)
  const changes: MemberChange[] = voters.filter((peer) => !current.voters.includes(peer)).map((peer) => ({ type: 'voter', peer }))
  for (const peer of current.voters) {
    if (!seated.has(peer)) changes.push({ type: known.has(peer) ? 'learner' : 'remove', peer })
  }
  for (const peer of current.learners) if (!known.has(peer)) changes.push({ type: 'remove', peer })
  for (const peer of [...known].sort(byCodeUnit)) {
    if (!seated.has(peer) && !listening.has(peer) && !current.voters.includes(peer)) changes.push({ type: 'learner', peer })
  }
  // Voters come first, whole; what does not fit is learners, and comes with the next change.
  return changes.length === 0 ? undefined : { changes: changes.slice(0, CONFIGURATION_CHANGES_MAX) }
}

function oddUpTo(count: number): number {
  return count % 2 === 1 ? count : Math.max(0, count - 1)
}
