import type { ChildState, TreeEntry } from '@vsmcp/kernel'
import type { Unit, UnitState } from '@vsmcp/mcp'

const STATE = {
  starting: 'starting',
  ready: 'running',
  'backing-off': 'restarting',
  failed: 'restarting',
  stopped: 'ended',
} as const satisfies Record<UnitState, ChildState>

/** A unit as a part of the node. It is looked after with back-off: its server is started again as often as it dies. */
export function entryOf(unit: Unit): TreeEntry {
  const { name: id, state, reason } = unit
  const entry = { id, state: STATE[state], restart: 'permanent', restarts: unit.stats().restarts } as const
  return reason === undefined ? entry : { ...entry, lastError: reason }
}
