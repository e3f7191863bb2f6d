import type { MeshId, PeerIdString } from '@vsmcp/kernel'

/** The keys a node goes by; never the keys themselves. */
export interface KeysView {
  identity: PeerIdString
  /** The root of all trust in the mesh; `here` says whether it lies in this node's data directory. */
  mesh: { id: MeshId; here: boolean }
  /** The group's session key; null before there is one. */
  session: {
    id: string
    rotatedAt: string
    /** Whether this node has received it. */
    held: boolean
    previous: { id: string; acceptedUntil: string } | null
  } | null
}
