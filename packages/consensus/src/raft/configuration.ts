import type { PeerIdString } from '@vsmcp/kernel'

/**
 * Who votes and who listens. While `outgoing` is not empty the configuration is joint: elections and commits need a
 * majority of `voters` and one of `outgoing` (Ongaro's dissertation, 4.3). Lists are sorted and without doubles.
 */
export interface Configuration {
  readonly voters: readonly PeerIdString[]
  /** Voters of the configuration being left. */
  readonly outgoing: readonly PeerIdString[]
  readonly learners: readonly PeerIdString[]
  /** Voters of `outgoing` that become learners when the joint configuration is left. */
  readonly learnersNext: readonly PeerIdString[]
  /** The leader leaves the joint configuration by itself as soon as it is committed. */
  readonly autoLeave: boolean
}

/** `voter` adds or promotes, `learner` adds or demotes, `remove` takes out. */
export interface MemberChange {
  readonly type: 'voter' | 'learner' | 'remove'
  readonly peer: PeerIdString
}

/** Takes effect as a whole: through a joint configuration when more than one voter differs. */
export interface ConfigurationChange {
  readonly changes: readonly MemberChange[]
}
