import type { MeshId, PeerIdString } from '@vsmcp/kernel'
import type { MemberRole } from '../control.ts'
import type { EnrolProgress } from './init-mesh.ts'

export interface JoinMeshOptions {
  dataDir: string
  token: string
  /** Name of this node. @default the host name */
  name?: string
  timeoutMs?: number
  onProgress?: EnrolProgress
}

export interface JoinMeshResult {
  meshId: MeshId
  meshName: string
  peerId: PeerIdString
  role: MemberRole
  dataDir: string
  /** False when this directory had already redeemed the invitation. */
  joinedNow: boolean
}
