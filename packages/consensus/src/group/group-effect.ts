import type { GroupId, PeerIdString, UnitName } from '@vsmcp/kernel'

/** What became true by an entry, for the shell to act upon. */
export type GroupEffect =
  | { readonly type: 'member:joined' | 'member:left' | 'member:described'; readonly peer: PeerIdString }
  | { readonly type: 'unit:claimed' | 'unit:released'; readonly unit: UnitName; readonly peer: PeerIdString }
  | { readonly type: 'name:granted' | 'name:released'; readonly bareName: string; readonly unit: UnitName }
  | { readonly type: 'invitation:created' | 'invitation:revoked' | 'invitation:dropped'; readonly id: string }
  | {
      readonly type: 'voters:changed'
      readonly before: readonly PeerIdString[]
      readonly now: readonly PeerIdString[]
      readonly index: number
    }
  | { readonly type: 'link:added'; readonly index: number }
  /** The chain of voters begins with an anchor now, and the links it stands for are gone. */
  | { readonly type: 'chain:anchored' }
  /** Something else than the voters; each such entry has one of these. */
  | { readonly type: 'charter:changed'; readonly index: number }
  | { readonly type: 'charter:certified'; readonly index: number }
  | { readonly type: 'policy:changed'; readonly version: number }
  | { readonly type: 'operator:added' | 'operator:removed'; readonly name: string }
  | { readonly type: 'member:evicted' | 'member:forgotten'; readonly peer: PeerIdString }
  | { readonly type: 'revocation:expired'; readonly peers: readonly PeerIdString[] }
  | { readonly type: 'feature:raised'; readonly level: number }
  | { readonly type: 'session-key:rotated'; readonly keyId: string }
  /** `alert:displaced`: forgotten unremedied, for a more severe one. */
  | {
      readonly type:
        | 'alert:raised'
        | 'alert:repeated'
        | 'alert:acknowledged'
        | 'alert:resolved'
        | 'alert:climbed'
        | 'alert:displaced'
      readonly id: string
    }
  | {
      readonly type: 'group:created' | 'group:renamed' | 'group:removed' | 'group:awaited' | 'group:arrived' | 'group:departed'
      readonly id: GroupId
    }
  /** The group itself stands below another one. */
  | { readonly type: 'group:moved'; readonly parent: GroupId }
  /** `granted` also of those that waited; `released` also of those taken away. */
  | {
      readonly type: 'claim:asked' | 'claim:granted' | 'claim:released' | 'claim:recalled'
      readonly unit: UnitName
      readonly peer: PeerIdString
    }
  | { readonly type: 'schedule:added' | 'schedule:removed' | 'schedule:changed'; readonly name: string }
  | {
      readonly type: 'proposal:made' | 'proposal:renewed' | 'proposal:decided' | 'directive:renewed' | 'directive:closed'
      readonly id: string
    }
