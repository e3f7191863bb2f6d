import type { Feeling, Origin, PeerIdString, Severity, UnitName } from '@vsmcp/kernel'

/** An alert as people see it, whoever holds it. */
export interface AlertView {
  id: string
  feeling: Feeling
  severity: Severity
  /** Whose affair it is: its node's, the group's System 5, or what is above the group (for the outermost group: whoever runs the mesh). */
  level: 'node' | 'group' | 'above'
  state: 'open' | 'acknowledged' | 'over'
  /** Whether the group has decided it: then every node shows the same. Else it is known here only. */
  decided: boolean
  node: PeerIdString
  nodeName: string
  /** Which system of that node feels it, for whom: an organ of its own, a client of its MCP endpoint, a person. */
  system: string
  origin: Origin
  unit?: UnitName
  subject: string
  text: string
  /** How often it was felt; first and last by the clock of its node. */
  count: number
  onset: string
  last: string
  /** When it climbs a level unless it is remedied; null where it is over or at the top. */
  due: string | null
  acknowledged?: AlertMarkView
  over?: AlertMarkView
}

export interface AlertMarkView {
  by: PeerIdString
  byName: string
  reason: string
  at: string
}

/** `open`: was there when the watch began. `displaced`: forgotten unremedied, for a more severe one. */
export type AlertEventKind = 'open' | 'raised' | 'repeated' | 'climbed' | 'acknowledged' | 'over' | 'displaced'

/** Something became of an alert, as this node learned it. */
export interface AlertEvent {
  event: AlertEventKind
  /** By this node's clock. */
  at: string
  alert: AlertView
}

export interface AlertsRequest {
  /** Those that are over, too, as far as they are remembered. */
  all: boolean
}

export interface AlertRequest {
  feeling: Feeling
  severity: Severity
  subject: string
  text: string
  /** The unit it is about. */
  unit?: UnitName
}

export interface AlertRaised {
  id: string
  /** `repeated`: it was open already. */
  outcome: 'raised' | 'repeated' | 'noted'
  /** The group's System 5 has it. Else this node keeps it, and delivers it as soon as there is one. */
  decided: boolean
}

export interface AlertMarkRequest {
  id: string
  reason: string
}
