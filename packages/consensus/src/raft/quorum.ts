import type { PeerIdString } from '@vsmcp/kernel'
import type { Configuration } from './configuration.ts'

export type Outcome = 'won' | 'lost' | 'pending'

type Halves = Pick<Configuration, 'voters' | 'outgoing'>

export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1
}

/** The highest number that a majority of both halves has reached. A half without voters puts no limit; no voters at all reach nothing. */
export function reachedByQuorum({ voters, outgoing }: Halves, reachedBy: (peer: PeerIdString) => number): number {
  if (voters.length === 0) return 0
  return Math.min(reachedByMajority(voters, reachedBy), reachedByMajority(outgoing, reachedBy))
}

function reachedByMajority(voters: readonly PeerIdString[], reachedBy: (peer: PeerIdString) => number): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY
  const sorted = voters.map(reachedBy).sort((a, b) => b - a)
  return sorted[majorityOf(voters.length) - 1] ?? 0
}

/** How a vote stands: won with a majority of both halves, lost when either cannot be reached any more. */
export function outcomeOf({ voters, outgoing }: Halves, ballot: (peer: PeerIdString) => boolean | undefined): Outcome {
  if (voters.length === 0) return 'lost'
  const halves = [outcomeOfHalf(voters, ballot), outcomeOfHalf(outgoing, ballot)]
  if (halves.includes('lost')) return 'lost'
  return halves.includes('pending') ? 'pending' : 'won'
}

function outcomeOfHalf(voters: readonly PeerIdString[], ballot: (peer: PeerIdString) => boolean | undefined): Outcome {
  if (voters.length === 0) return 'won'
  let granted = 0
  let refused = 0
  for (const voter of voters) {
    const answer = ballot(voter)
    if (answer === true) granted++
    else if (answer === false) refused++
  }
  if (granted >= majorityOf(voters.length)) return 'won'
  return voters.length - refused < majorityOf(voters.length) ? 'lost' : 'pending'
}
