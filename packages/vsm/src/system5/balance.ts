import { isUndecided, type Proposal, type Proposer, PROPOSERS } from '@vsmcp/kernel'
import { BALANCE_MIN } from './constants.ts'
import type { Policy } from './governance.ts'

/** One side of the homeostat, counted over the window. */
export interface SideCounts {
  /** Decided, and waiting. What contradicts the identity is no proposal of a side that could be given anything. */
  readonly proposed: number
  readonly decided: number
  readonly resourced: number
}

/** The balance of Systems 3 and 4: Beer's homeostat of inside-and-now against outside-and-then, as counted. */
export interface Balance {
  readonly sides: Readonly<Record<Proposer, SideCounts>>
  /** Who starves while the other is fed; System 5 steps in until that is over. */
  readonly starved: Proposer | null
}

const NONE: SideCounts = { proposed: 0, decided: 0, resourced: 0 }

/**
 * Read from the decisions in their order, so that every node and every new leader reads the same. A side starves when its share of what was
 * resourced falls below the one bound while it asks and the other side is fed, and does until its share is above the other bound.
 */
export function balanceOf(proposals: readonly Proposal[], { balance }: Policy): Balance {
  const decided = proposals
    .filter((each) => !isUndecided(each) && isAdmissible(each))
    .sort((a, b) => (a.decision?.atMs ?? 0) - (b.decision?.atMs ?? 0) || a.proposedAtMs - b.proposedAtMs)
  let starved: Proposer | null = null
  for (let end = BALANCE_MIN; end < decided.length; end++) {
    starved = starvedNow(countsOf(decided.slice(Math.max(0, end - balance.window), end), []), starved, balance)
  }
  const open = proposals.filter(isUndecided)
  const sides = countsOf(decided.slice(-balance.window), open)
  return { sides, starved: starvedNow(sides, starved, balance) }
}

function isAdmissible({ decision }: Proposal): boolean {
  return decision?.clause.startsWith('identity') !== true
}

function countsOf(decided: readonly Proposal[], open: readonly Proposal[]): Record<Proposer, SideCounts> {
  const of = (side: Proposer): SideCounts => {
    const mine = decided.filter(({ from }) => from === side)
    return {
      proposed: mine.length + open.filter(({ from }) => from === side).length,
      decided: mine.length,
      resourced: mine.filter(({ decision }) => decision?.verdict === 'accepted').length,
    }
  }
  return { system3: of('system3'), system4: of('system4') }
}

function starvedNow(
  sides: Readonly<Record<Proposer, SideCounts>>,
  before: Proposer | null,
  { starvedBelow, fedAbove }: Policy['balance'],
): Proposer | null {
  for (const side of PROPOSERS) {
    const [own, other] = [sides[side], sides[otherThan(side)]]
    const share = resourcedShare(sides, side)
    if (own.proposed < BALANCE_MIN || share === null) continue
    if (before === side ? share < fedAbove : share < starvedBelow && other.resourced >= BALANCE_MIN) return side
  }
  return null
}

/** Share of a side in what was resourced; null while nothing was. */
export function resourcedShare(sides: Balance['sides'], side: Proposer): number | null {
  const all = sides.system3.resourced + sides.system4.resourced
  return all === 0 ? null : sides[side].resourced / all
}

export function otherThan(side: Proposer): Proposer {
  return side === 'system3' ? 'system4' : 'system3'
}

/** Of nobody: before anything was decided. */
export const EVEN: Balance = { sides: { system3: NONE, system4: NONE }, starved: null }
