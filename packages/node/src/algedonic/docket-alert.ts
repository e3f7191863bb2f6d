import type { AlertRecord } from '@vsmcp/consensus'
import { type HeldAlert, type SystemId, SYSTEMS } from '@vsmcp/vsm'

/** The docket takes any label: a later version may have other systems. */
export function nameOfSystem(system: string): system is SystemId {
  return SYSTEMS.some((each) => each === system)
}

/** The group's record of an alert of this node, as the node itself held it. */
export function heldFrom(id: string, record: AlertRecord): HeldAlert {
  const { severity, origin, unit, subject, text, count, onsetMs, lastMs } = record
  const system = nameOfSystem(record.system) ? record.system : 'system5'
  const source = { system, origin, ...(unit === undefined ? {} : { unit }) }
  return { feeling: 'pain', severity, source, subject, text, id, count, onsetMs, lastMs, level: 'group' }
}
