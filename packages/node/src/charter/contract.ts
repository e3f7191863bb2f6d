import type { MeshId, PeerIdString } from '@vsmcp/kernel'

/** What System 5 has decided, as this node's copy of the log has it. */
export interface CharterView {
  mesh: { id: MeshId; name: string }
  group: { id: string; path: string }
  epoch: number
  featureLevel: number
  /** Log index of the newest change; 1 for the first charter. */
  index: number
  /** Hex SHA-256 of the charter's canonical bytes. */
  digest: string
  /** A quorum confirmed just now that this is the newest; false while there is none to ask. */
  current: boolean
  /** By what anybody can verify it offline: the mesh key, the voters of the group above, a change of voters, a certificate of its own; null while the voters still sign. */
  certifiedBy: 'mesh-key' | 'grant' | 'link' | 'certificate' | null
  voters: PeerIdString[]
  policies: Record<string, unknown>
  policyVersion: number
  /** Oldest first; the last 50. */
  policyHistory: PolicyChangeView[]
  operators: OperatorView[]
  operatorsVersion: number
  revocations: RevocationView[]
}

export interface PolicyChangeView {
  version: number
  /** Hex SHA-256 of the policies' canonical JSON. */
  digest: string
  by: string
  reason: string
  at: string
  index: number
}

export interface OperatorView {
  name: string
  /** base64url of the raw Ed25519 public key. */
  publicKey: string
  /** May also start the next epoch after the quorum was lost. */
  recovery: boolean
}

export interface RevocationView {
  peerId: PeerIdString
  by: string
  reason: string
  at: string
  /** When its last credential would have ended. */
  until: string
}

/** What an operator signs in all of them: see `operatorSigner`. */
export interface Signed {
  operator: string
  reason: string
  signedAtMs: number
  /** base64url */
  signature: string
}

/** A change of the charter, signed by an operator. */
export type SignedChange = Signed &
  (
    | { op: 'policy:set'; policies: Record<string, unknown>; expects: number }
    | { op: 'operator:add'; name: string; publicKey: string; recovery?: boolean; expects: number }
    | { op: 'operator:remove'; name: string; expects: number }
  )

export interface CharterChanged {
  /** False when the charter said so already. */
  changed: boolean
}

/** What an operator signs to evict a member. */
export interface EvictionDraft {
  peerId: PeerIdString
  /** As the docket has it; the PeerId for who is no member any more. */
  name: string
  joinedAtIndex: number
  untilMs: number
}

export type SignedEviction = Signed & { op: 'member:evict'; peer: PeerIdString; joinedAtIndex: number; untilMs: number }

/** What the mesh key vouches for with an anchor. */
export interface SignedAnchor {
  mesh: { id: MeshId; name: string }
  group: { id: string; path: string }
  epoch: number
  /** Of the newest certified change of voters. */
  index: number
  voters: PeerIdString[]
  /** Links that the chain has as yet. */
  links: number
  /** base64url */
  anchor: string
}

export interface ChainAnchored {
  /** False when the chain began with this anchor already. */
  changed: boolean
  /** Links that the chain has now. */
  links: number
}

export interface CharterFile {
  /** For `readCharterFile`: charter, chain of voters and certificate in one. */
  file: string
}
