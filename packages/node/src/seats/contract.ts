import type { PeerIdString, Severity } from '@vsmcp/kernel'
import type { Signed } from '../charter/contract.ts'
import type { WorkView } from '../system1/contract.ts'
import type { Followed } from '@vsmcp/vsm'

/** What a group says of itself and of all below it, in the record that its leader signs for the group above. */
export interface GroupToldView {
  /** When it said so. */
  at: string
  /** Nodes at home in it and below, groups below it, levels of them. */
  members: number
  groups: number
  levels: number
  /** Names of tools, as far as its filter tells; 100,000 at the most. */
  toolNames: number
  callsPerS: number
  /** Null without calls. */
  errorShare: number | null
  inFlight: number
  latencyMs: number | null
  /** Beer's three figures, calls per second. */
  actuality: number
  capability: number | null
  potentiality: number | null
  demandBits: number
  outcomeBits: number
  residualBits: number
  /** How many are open in it and below, and the worst of them. */
  alertsOpen: number
  alerts: { id: string; severity: Severity; subject: string; group: string; onset: string; acknowledged: boolean }[]
  /** How it follows directives of the groups above it. */
  followed: Followed[]
}

/** A directive of a group above, as this node judges it. */
export interface HeldToView {
  id: string
  /** Id of the group whose System 5 gave it. */
  by: string
  /** What is ordered, as a sentence. */
  order: string
  /** Why it was given; empty when nobody said. */
  reason: string
  until: string
  /** Why it is not obeyed; null when it is. */
  refused: string | null
}

/** A group as this node knows it: one it takes part in, or one below such a group. */
export interface GroupView {
  id: string
  /** As the groups above name it, as far as this node knows. */
  path: string
  /** This node's home, a seat of it, or neither: then only what the group above knows is told. */
  part: 'home' | 'seat' | 'none'
  /** The group above; null for the root. */
  parent: {
    id: string
    path: string
    /** A member of both can be asked, or this node has a seat there and it has a System 5. */
    reached: boolean
    /** Since when, as this node saw it. */
    since: string
  } | null
  /** The group above keeps a place for it, and was not told yet that it is there. */
  awaited: boolean
  /** Null without a seat there. */
  members: { known: number; alive: number } | null
  leaderName: string | null
  /** Who speaks for it in the group above. */
  delegates: { peerId: PeerIdString; name: string; alive: boolean }[]
  /** What it says of itself, where this node has a seat in the group above; null while nothing is known. */
  told: GroupToldView | null
  /** What the groups above hold it to, where this node takes part in it. */
  heldTo: HeldToView[]
  /** Names of the groups below it, where this node takes part in it. */
  children: string[]
  /** What is wrong with it or with the seat of this node in it, as a sentence. */
  problem: string | null
}

/** A group below the node's home group, shortly: `vsmcp group show` tells more of it. */
export interface BelowView {
  id: string
  path: string
  /** A place is kept for it, and it has not come yet. */
  awaited: boolean
  /** From its last record; null when none was heard of late. */
  told:
    | ({
        at: string
        /** Nodes in it and below, groups below it, levels of them, alerts open in it and below. */
        members: number
        groups: number
        levels: number
        alertsOpen: number
      } & WorkView)
    | null
}

/** What is next to the node's home group. However much there is below, this is short. */
export interface RecursionView {
  /** Null for the root. `heard` is when the group above said what it last said; null when nothing of late. */
  above: (NonNullable<GroupView['parent']> & { heard: string | null }) | null
  /** Those with open alerts first, then those that do most. */
  below: BelowView[]
  /** How many more there are. */
  belowMore: number
}

export interface GroupCreateRequest {
  /** Of the new group: a name under the home group of this node, or a path under a group it has a seat in. */
  path: string
}

export interface GroupRenameRequest {
  group: string
  name: string
}

export interface GroupMoveRequest {
  group: string
  /** The group that it is to stand below, by its path or id; or a path there that ends with another name for it. */
  to: string
}

/** What an operator of the group signs for it to be moved. */
export interface MoveOrder {
  op: 'group:move'
  parent: string
  path: string
  /** The path before. */
  former: string
  lineage: string[]
  move: number
}

export type SignedMove = MoveOrder & Signed

export interface GroupMoveDraft {
  /** The path that it will have. */
  path: string
  /** Null when nothing is to be signed: it is only renamed, or has decided already. */
  order: MoveOrder | null
}

export interface GroupMoved {
  group: GroupView
  /** Whether the group above that was has let go of it; null when this node has no seat there. Whoever has one tells it, as soon as it can be reached. */
  released: boolean | null
}

export interface SeatRequest {
  /** An invitation to the group. */
  token: string
}
