import type { MeshId, PeerIdString } from '@vsmcp/kernel'

/** One step of an enrolment, for a person watching. */
export type EnrolProgress = (message: string) => void

export interface InitMeshOptions {
  dataDir: string
  /** Name of the mesh. @default the host name */
  name?: string
  onProgress?: EnrolProgress
}

export interface InitMeshResult {
  meshId: MeshId
  meshName: string
  peerId: PeerIdString
  dataDir: string
}
