/**
 * The ground every package stands on: ids, errors, ports, time, chance, supervision, telemetry. It knows nothing of any technology.
 */
export { type Feeling, FEELINGS, isWorse, type Origin, ORIGINS, SEVERITIES, type Severity } from './alert-words.ts'
export { base64urlOf, bytesOfBase64url } from './base64url.ts'
export { type Clock, systemClock, type Timer } from './clock.ts'
export { type BackoffInit, backoffMs } from './backoff.ts'
export { NotSentError, OutcomeUnknownError, RemoteError } from './call-errors.ts'
export { parseDurationMs } from './duration.ts'
export { isoTime } from './iso-time.ts'
export { Emitter } from './emitter.ts'
export {
  BusyError,
  type ErrorShape,
  InvalidArgumentError,
  messageOf,
  type SafeDetails,
  StoppedError,
  TimeoutError,
  toErrorShape,
  VsmcpError,
  type VsmcpErrorOptions,
} from './errors.ts'
export {
  GROUP_DEPTH_MAX,
  type GroupId,
  GROUPS_MAX,
  type MeshId,
  type PeerIdString,
  ROOT_GROUP_ID,
  UNIT_NAME_PATTERN,
  type UnitName,
} from './ids.ts'
export {
  type CallHandler,
  type CallOptions,
  type Gossip,
  type IncomingCall,
  type KeyValueStore,
  type Logger,
  type NoticeHandler,
  type Plane,
  silentLogger,
  type WriteOperation,
} from './ports.ts'
export {
  CLOSURES,
  type ClosureWord,
  type Decider,
  DECIDERS,
  type DirectiveClosure,
  EFFECT_METRICS,
  type EffectMetric,
  type GivenDirective,
  FOLLOWED_STATES,
  type FollowedState,
  isInForce,
  isStanding,
  isUndecided,
  type Proposal,
  PROPOSAL_KINDS,
  type ProposalContent,
  type ProposalDecision,
  type ProposalEvidence,
  proposalKey,
  type ProposalKind,
  PROPOSALS_OF,
  type ProposedEffect,
  type Proposer,
  PROPOSERS,
  VERDICTS,
  type VerdictWord,
} from './proposal-words.ts'
export { type Random, randomInteger, seededRandom } from './random.ts'
export { Actor, type ActorInit, type ActorLife, type Behaviour } from './supervision/actor.ts'
export type {
  ChildSpec,
  ChildState,
  Inspection,
  Life,
  MailboxFigures,
  RestartType,
  Strategy,
  Supervised,
  SupervisionEvent,
  SupervisorSpec,
  TreeEntry,
  WorkerSpec,
} from './supervision/child.ts'
export { SupervisorFailedError } from './supervision/errors.ts'
export { Supervisor, type SupervisorComponents, type SupervisorDeadlines } from './supervision/supervisor.ts'
export type { Startable } from './startable.ts'
export {
  type DecisionLatency,
  type GroupRecordTold,
  type SupervisionChange,
  telemetry,
  type TelemetryChannel,
  type TelemetryEvents,
  type TelemetryName,
  type ToolInvocation,
  type UnitOperation,
  type VarietyCalculation,
} from './telemetry.ts'
export {
  type CallerAccount,
  type ClaimedResource,
  endedOf,
  failedOf,
  type Latencies,
  type OperationalUnit,
  type UnitCounters,
  type UnitLimits,
} from './unit-work.ts'
