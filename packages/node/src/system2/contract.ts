import type { PeerIdString, UnitName } from '@vsmcp/kernel'

/** A unit that has a resource, or waits for it. */
export interface ClaimantView {
  unit: UnitName
  node: PeerIdString
  nodeName: string
  /** With others that share it, too. */
  shared: boolean
  /** When it asked, by the clock of its node. */
  since: string
}

/** A resource that units of the group claim. */
export interface ResourceView {
  resource: string
  holders: (ClaimantView & {
    /** Fencing token: the entry of the group's log that granted it, and the epoch. Who shows a lower one than was seen is refused. */
    token: number
    epoch: number
    /** The voters want it back: nothing more is begun under it. */
    recalled: boolean
  })[]
  /** In the order in which they will have it. */
  waiters: ClaimantView[]
}
