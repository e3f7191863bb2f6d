import { InvalidArgumentError } from '@vsmcp/kernel'
import { ELECTION_TIMEOUT_MAX_MS, ELECTION_TIMEOUT_MIN_MS, HEARTBEAT_MS, LEARNER_HEARTBEAT_MS } from '../constants.ts'

export interface Timings {
  readonly heartbeatMs: number
  readonly learnerHeartbeatMs: number
  readonly electionTimeoutMinMs: number
  readonly electionTimeoutMaxMs: number
}

/** Heartbeats that must be lost in a row before a follower may doubt its leader. */
const HEARTBEATS_PER_TIMEOUT_MIN = 5

/** The longest election timeout over the shortest: with less, candidates collide. */
const TIMEOUT_SPREAD_MIN = 1.5

/** Fills in the defaults and holds them to their relations. Throws `InvalidArgumentError`. */
export function checkedTimings(init: Partial<Timings>): Timings {
  const timings: Timings = {
    heartbeatMs: init.heartbeatMs ?? HEARTBEAT_MS,
    learnerHeartbeatMs: init.learnerHeartbeatMs ?? Math.max(LEARNER_HEARTBEAT_MS, init.heartbeatMs ?? 0),
    electionTimeoutMinMs: init.electionTimeoutMinMs ?? ELECTION_TIMEOUT_MIN_MS,
    electionTimeoutMaxMs: init.electionTimeoutMaxMs ?? ELECTION_TIMEOUT_MAX_MS,
  }
  const { heartbeatMs, electionTimeoutMinMs, electionTimeoutMaxMs } = timings
  if (!(heartbeatMs > 0) || !(heartbeatMs * HEARTBEATS_PER_TIMEOUT_MIN <= electionTimeoutMinMs)) {
    throw new InvalidArgumentError(
      `an election timeout of ${electionTimeoutMinMs} ms is too short for heartbeats every ${heartbeatMs} ms`,
      { hint: `Make electionTimeoutMinMs at least ${HEARTBEATS_PER_TIMEOUT_MIN} heartbeats.` },
    )
  }
  if (!(electionTimeoutMinMs * TIMEOUT_SPREAD_MIN <= electionTimeoutMaxMs) || !Number.isFinite(electionTimeoutMaxMs)) {
    throw new InvalidArgumentError(
      `election timeouts between ${electionTimeoutMinMs} and ${electionTimeoutMaxMs} ms are too close together`,
      { hint: `Make electionTimeoutMaxMs at least ${TIMEOUT_SPREAD_MIN} times electionTimeoutMinMs.` },
    )
  }
  return timings
}
