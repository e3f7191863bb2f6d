import type { Proposer } from '@vsmcp/kernel'
import type { Channel } from '../channels.ts'

/** By which channel a proposal goes up: what is not in the table does not compile. */
export const WAY_UP = {
  system3: { kind: 'report', from: 'system3', to: 'system5' },
  system4: { kind: 'intelligence', from: 'system4', to: 'system5' },
} as const satisfies Record<Proposer, Channel>

/** The two steps by which a directive goes down: System 5 speaks to no unit, only to the System 3 of its node. */
export const WAY_DOWN = [
  { kind: 'command', from: 'system5', to: 'system3' },
  { kind: 'command', from: 'system3', to: 'system1' },
] as const satisfies readonly Channel[]
