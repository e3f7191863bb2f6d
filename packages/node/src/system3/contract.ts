import type { PeerIdString, UnitName } from '@vsmcp/kernel'

/** What System 3 found: a target missed by a unit of the group, or what an audit saw against what was reported. */
export interface FindingView {
  system: 'system3' | 'system3*'
  /** Null when it is about all that a node reports. */
  unit: UnitName | null
  node: PeerIdString
  nodeName: string
  kind: 'calls' | 'errors' | 'latency' | 'definitions' | 'reports'
  /** What is owed, or was reported. */
  claimed: string
  measured: string
  grave: boolean
  /** How many audits led to it; null for a missed target. */
  audits: number | null
  foundAt: string
  overAt: string | null
}
