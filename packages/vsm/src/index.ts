/**
 * The Viable System Model: which system may speak to which, and what travels on the group's gossip topics. Pure.
 */
import type { GroupId, MeshId, PeerIdString, UnitName } from '@vsmcp/kernel'

export type SystemId = 'system1' | 'system2' | 'system3' | 'system3*' | 'system4' | 'system5'

/** The table of channels: everything that may be said, by whom to whom. */
export type Channel =
  | { readonly kind: 'command'; readonly from: 'system5'; readonly to: 'system3' }
  | { readonly kind: 'command'; readonly from: 'system3'; readonly to: 'system1' }
  | { readonly kind: 'report'; readonly from: 'system1'; readonly to: 'system3' }
  | { readonly kind: 'report'; readonly from: 'system3'; readonly to: 'system5' }
  | { readonly kind: 'intelligence'; readonly from: 'system4'; readonly to: 'system5' }
  | { readonly kind: 'intelligence'; readonly from: 'system5'; readonly to: 'system4' }
  | { readonly kind: 'intelligence'; readonly from: 'system4'; readonly to: 'system3' }
  | { readonly kind: 'coordination'; readonly from: 'system2'; readonly to: 'system1' }
  | { readonly kind: 'coordination'; readonly from: 'system1'; readonly to: 'system2' }
  | { readonly kind: 'audit'; readonly from: 'system3*'; readonly to: 'system1' }
  | { readonly kind: 'algedonic'; readonly from: SystemId; readonly to: 'system5' }

export type ChannelKind = Channel['kind']

/** Throws `ChannelForbiddenError` for what is not in the table. */
export declare function assertChannel(channel: { kind: string; from: string; to: string }): asserts channel is Channel
export declare function isChannel(channel: { kind: string; from: string; to: string }): channel is Channel

/** Names of the group's topics, and the way back from a name. */
export interface Topics {
  unit(name: UnitName): string
  readonly coordination: string
  readonly control: string
  readonly intelligence: string
  readonly policy: string
  readonly alert: string
  /** The shared document's updates; the state package's own bytes. */
  readonly state: string
  /** @returns undefined for a topic that is not one of this group */
  parse(topic: string): { topic: TopicName; unit?: UnitName } | undefined
}
export type TopicName = 'unit' | 'coordination' | 'control' | 'intelligence' | 'policy' | 'alert' | 'state'
export declare function topicsOf(meshId: MeshId, group: GroupId): Topics

/** Measured actuality of one unit over the window. */
export interface UnitReport {
  unit: UnitName
  windowMs: number
  calls: number
  errors: number
  inFlight: number
  /** Null when there was no call in the window. */
  latencyP50Ms: number | null
  latencyP99Ms: number | null
}
/** The docket gave a bare name to a unit, or took it back. */
export interface CoordinationNotice {
  event: 'name-granted' | 'name-released'
  name: string
  unit: UnitName
  /** Log index of the decision. */
  index: number
}
/** What System 3 sees of one node. */
export interface ControlReport {
  units: number
  inFlight: number
  eventLoopLagMs: number
  rssBytes: number
}
export interface CapabilityNotice {
  event: 'appeared' | 'vanished' | 'changed'
  unit: UnitName
  kind: 'tool' | 'resource' | 'prompt'
  name: string
  /** Hex SHA-256 of the definition. */
  digest: string
}
/** Who is System 5 and what charter stands. */
export interface PolicyNotice {
  leader: PeerIdString
  term: number
  index: number
  epoch: number
  /** Hex SHA-256 of the charter as carried. */
  charterDigest: string
}
export interface Alert {
  id: string
  feeling: 'pain' | 'pleasure'
  severity: 'low' | 'high' | 'critical'
  source: { system: SystemId; unit?: UnitName | undefined }
  subject: string
  text: string
  /** Wall clock, milliseconds since the epoch. */
  onsetMs: number
}

/** Which body and which channel each topic carries. */
export interface TopicMessages {
  unit: { channel: { kind: 'report'; from: 'system1'; to: 'system3' }; body: UnitReport }
  coordination: { channel: { kind: 'coordination'; from: 'system2'; to: 'system1' }; body: CoordinationNotice }
  control: { channel: { kind: 'report'; from: 'system3'; to: 'system5' }; body: ControlReport }
  intelligence: { channel: { kind: 'intelligence'; from: 'system4'; to: 'system5' | 'system3' }; body: CapabilityNotice }
  policy: { channel: { kind: 'command'; from: 'system5'; to: 'system3' }; body: PolicyNotice }
  alert: { channel: { kind: 'algedonic'; from: SystemId; to: 'system5' }; body: Alert }
}
export type MessageTopic = keyof TopicMessages

export interface GossipMessage<T extends MessageTopic = MessageTopic> {
  readonly channel: TopicMessages[T]['channel']
  /** Author; must be who gossip says it is from. */
  readonly node: PeerIdString
  /** Grows with every message of this node on this topic. */
  readonly sequence: number
  /** Wall clock of the author, milliseconds since the epoch. */
  readonly atMs: number
  readonly body: TopicMessages[T]['body']
}

/** JSON bytes, at most 8 KiB. Throws `MessageMalformedError` for what would not be decoded either. */
export declare function encodeMessage<T extends MessageTopic>(topic: T, message: GossipMessage<T>): Uint8Array
/** Throws `MessageMalformedError` and nothing else. @param from who gossip says wrote it */
export declare function decodeMessage<T extends MessageTopic>(topic: T, bytes: Uint8Array, from: PeerIdString): GossipMessage<T>
