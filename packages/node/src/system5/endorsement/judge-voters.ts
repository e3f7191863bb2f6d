import type { ConfigurationChange, GroupState } from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'
import { VOTER_DEAD_SEEN_MS } from '../../constants.ts'
import type { MemberState } from '../../members/contract.ts'

/** How this node sees a member, and for how long. */
export interface Sight {
  readonly state: MemberState
  readonly forMs: number
}

/** How this node itself sees a member now. */
export type Sees = (peer: PeerIdString) => Sight

/** What a voter judges by: its own copy of the docket, and its own eyes. */
export interface VoterJudgement {
  readonly state: GroupState
  readonly sees: (peer: PeerIdString) => Sight
  /** Members that signed their leave, or whom an operator evicts: proofs checked already. */
  readonly leaving: ReadonlySet<PeerIdString>
}

/**
 * Why this voter does not bear out a change of voters (rules 5 and 7); undefined when it does. Whoever becomes a voter is a
 * member that is not seen failed; a voter goes when it leaves, is no member, or is seen dead here too and another takes its
 * seat; an edge node yields its seat to others; one more may go so that the number is odd. Nobody else is taken out.
 */
export function objectionToVoters({ changes }: ConfigurationChange, judgement: VoterJudgement): string | undefined {
  const { state, sees, leaving } = judgement
  const { voters, outgoing } = state.configuration
  if (outgoing.length > 0) return 'another change of voters is under way'
  const isGone = (peer: PeerIdString): boolean => !state.members.has(peer) || leaving.has(peer)
  const promoted: PeerIdString[] = []
  const dropped: PeerIdString[] = []
  for (const { type, peer } of changes) {
    const isVoter = voters.includes(peer)
    if (type === 'voter' && isVoter) continue
    if (type === 'voter') {
      if (isGone(peer)) return `${peer} is no member here, or is leaving`
      if (isLost(sees(peer))) return `${peer} is ${sees(peer).state}, as seen from here`
      promoted.push(peer)
    } else if ((type === 'remove') === state.members.has(peer)) {
      return type === 'remove' ? `${peer} is a member, and goes on learning` : `${peer} is no member here`
    } else if (isVoter) dropped.push(peer)
  }
  return promoted.length + dropped.length === 0 ? undefined : objectionToSeats(promoted, dropped, isGone, judgement)
}

function objectionToSeats(
  promoted: readonly PeerIdString[],
  dropped: readonly PeerIdString[],
  isGone: (peer: PeerIdString) => boolean,
  { state, sees }: VoterJudgement,
): string | undefined {
  const { voters } = state.configuration
  const isEdge = (peer: PeerIdString): boolean => {
    const member = state.members.get(peer)
    return member?.role === 'edge' || member?.ephemeral === true
  }
  const after = [...voters.filter((peer) => !dropped.includes(peer)), ...promoted]
  const gone = dropped.filter(isGone)
  const dead = dropped.filter((peer) => !isGone(peer) && isDead(sees(peer)))
  const well = dropped.filter((peer) => !gone.includes(peer) && !dead.includes(peer))
  const left = voters.length - gone.length
  if (after.length % 2 === 0) return `${after.length} voters would be an even number`
  if (after.length < (left % 2 === 1 ? left : left - 1)) return `only ${after.length} of ${left} seats would be filled`
  const others = (peers: readonly PeerIdString[]): number => peers.filter((peer) => !isEdge(peer)).length
  const edges = well.filter(isEdge).length
  const yielded = others(after) >= SEATS_OF_OTHERS ? edges : Math.min(edges, others(promoted))
  // Where somebody takes a seat, the number is odd by that; who is well is not swapped for another.
  const spare = promoted.length === 0 && (left - dead.length) % 2 === 0 ? 1 : 0
  if (well.length - yielded <= spare) return undefined
  const [first = ''] = well
  return `${first} votes and is ${sees(first).state} as seen from here: nothing speaks for taking it out`
}

/** With so many voters that are no edge nodes, edge nodes hold no seats (rule 7). */
const SEATS_OF_OTHERS = 3

function isLost({ state }: Sight): boolean {
  return state === 'failed' || state === 'left'
}

function isDead(sight: Sight): boolean {
  return isLost(sight) && sight.forMs >= VOTER_DEAD_SEEN_MS
}
