import type { PeerIdString, UnitName } from '@vsmcp/kernel'

export type MemberState = 'alive' | 'suspect' | 'failed' | 'left'
export type MemberRole = 'member' | 'edge'

export interface MemberView {
  peerId: PeerIdString
  /** Its credential is over, and no majority of the voters can be reached to renew it: it goes on all the same. */
  stale?: true
  /** Forgotten after an absence. */
  ephemeral?: true
  name: string
  role: MemberRole
  state: MemberState
  /** When this node saw the state begin. */
  since: string
  /** What this node knows of it, as a phrase: "silent for 3 s; asked through mill, quarry". Empty for this node. */
  why: string
  /** Whether a connection from here stands; a member can be alive by the word of others. */
  connected: boolean
  /** The connection leads through another member, because no direct way was found yet. */
  relayed: boolean
  self: boolean
  voter: boolean
  leader: boolean
  addresses: string[]
  units: UnitName[]
  /** Round trip of the last ping over the open connection; null when there is none. */
  rttMs: number | null
}
