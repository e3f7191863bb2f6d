import type { PeerIdString } from '@vsmcp/kernel'
import { DELEGATE_DEAD_AFTER_MS, DELEGATE_UP_FOR_MS, DELEGATES_TARGET } from './constants.ts'

/** A member of a group, as its leader sees it. */
export interface DelegateCandidate {
  readonly peer: PeerIdString
  /** The group is its home; else it is here for a child group, or as a founder. */
  readonly isHome: boolean
  /** Edge nodes are asked only when there is nobody else: their links come and go. */
  readonly isEdge: boolean
  readonly zone: string
  /** A connection stands, and it answers. */
  readonly isReachable: boolean
  /** Milliseconds since it was last alive, 0 while it is; and since it is up. */
  readonly failedForMs: number
  readonly upForMs: number
  /** Seats it has in groups, this one included: many make it busy. */
  readonly seats: number
}

export interface DelegateChoice {
  /** Whom to ask to take a seat in the parent. */
  readonly appoint?: PeerIdString
  /** Which delegate is one too many, and may leave the parent in order. */
  readonly release?: PeerIdString
}

export interface ChooseDelegatesInit {
  /** @default 2 */
  target?: number
  /** @default 60_000 */
  deadAfterMs?: number
  /** @default 10_000 */
  upForMs?: number
}

/**
 * Who should speak for a group in its parent. Delegates are named nodes, not whoever leads: they stay while they are not dead, so that
 * elections and restarts below do not shake what is above. An empty place, or a dead one's, goes to a member that is well: at home here
 * before a guest, no edge node before one, of a zone without a delegate, with the fewest seats, then the longest up. One step at a time.
 *
 * @param current who has a seat in the parent for this group, whatever its state; who is in no list of members counts as dead
 * @param asked who was asked and has not answered yet: not asked again, and counted as one that comes
 */
export function chooseDelegates(
  members: readonly DelegateCandidate[],
  current: readonly PeerIdString[],
  asked: readonly PeerIdString[],
  { target = DELEGATES_TARGET, deadAfterMs = DELEGATE_DEAD_AFTER_MS, upForMs = DELEGATE_UP_FOR_MS }: ChooseDelegatesInit = {},
): DelegateChoice {
  const known = new Map(members.map((member) => [member.peer, member]))
  const present = current.flatMap((peer) => known.get(peer) ?? [])
  const standing = present.filter((member) => member.isReachable || member.failedForMs <= deadAfterMs)
  const coming = asked.filter((peer) => !current.includes(peer) && known.get(peer)?.isReachable === true)
  if (standing.length + coming.length < target) {
    const zones = new Set([...standing.map(({ zone }) => zone), ...coming.map((peer) => known.get(peer)?.zone)])
    const fit = members.filter(
      (member) =>
        member.isReachable && member.upForMs >= upForMs && !current.includes(member.peer) && !asked.includes(member.peer),
    )
    const [best] = fit.toSorted(
      (a, b) =>
        Number(b.isHome) - Number(a.isHome) ||
        Number(a.isEdge) - Number(b.isEdge) ||
        Number(zones.has(a.zone)) - Number(zones.has(b.zone)) ||
        a.seats - b.seats ||
        b.upForMs - a.upForMs ||
        byId(a.peer, b.peer),
    )
    return best === undefined ? {} : { appoint: best.peer }
  }
  return releaseOf({ current, present, standing, target })
}

/** Only once enough others are well: guests first, then those that are dead, then the last that came. */
function releaseOf({
  current,
  present,
  standing,
  target,
}: {
  current: readonly PeerIdString[]
  present: readonly DelegateCandidate[]
  standing: readonly DelegateCandidate[]
  target: number
}): DelegateChoice {
  const well = standing.filter(({ isReachable }) => isReachable)
  if (current.length <= target || well.length < target) return {}
  const gone = current.find((peer) => !present.some((member) => member.peer === peer))
  if (gone !== undefined) return { release: gone }
  const dead = present.find((member) => !standing.includes(member))
  if (dead !== undefined) return { release: dead.peer }
  if (well.length <= target) return {}
  const [worst] = well.toSorted(
    (a, b) =>
      Number(a.isHome) - Number(b.isHome) ||
      Number(b.isEdge) - Number(a.isEdge) ||
      current.indexOf(b.peer) - current.indexOf(a.peer),
  )
  return worst === undefined ? {} : { release: worst.peer }
}

const byId = (a: PeerIdString, b: PeerIdString): number => (a < b ? -1 : a > b ? 1 : 0)
