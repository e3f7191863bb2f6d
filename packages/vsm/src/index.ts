/**
 * The Viable System Model: which system may speak to which, and what travels on the group's gossip topics. Pure.
 *
 * ```ts
 * const topics = topicsOf(meshId, 'root')
 * const channel = { kind: 'report', from: 'system1', to: 'system3' } as const
 * await gossip.publish(topics.unit('files'), encodeMessage('unit', { channel, node: self, sequence: 1, atMs, body: report }))
 * ```
 */
export {
  assertChannel,
  type Channel,
  type ChannelKind,
  type ChannelOf,
  CHANNELS,
  type ClaimedChannel,
  isChannel,
  type SystemId,
  SYSTEMS,
} from './channels.ts'
export { groupOfTopic, type TopicName, type Topics, topicsOf } from './topics.ts'
export { decodeMessage, encodeMessage, type GossipMessage, type MessageTopic, type TopicMessages } from './message.ts'
export {
  type MeasuredReport,
  type Reportable,
  type ReportedAccount,
  type UnitReport,
  unitReportOf,
} from './system1/unit-report.ts'
export { type Achievement, type Indices, indicesOf, together } from './system1/unit-figures.ts'
export {
  DEGRADATION_STEPS,
  DegradationLadder,
  type DegradationStep,
  type Reason,
  type Sign,
  type Signs,
} from './degradation/ladder.ts'
export { type Counted, CountWindow } from './system1/count-window.ts'
export { type UnitFigures, UnitMeter } from './system1/unit-meter.ts'
export { type HeardReport, type Refusal, REFUSALS, ReportJudge, type Verdict } from './system1/report-judge.ts'
export { type CoordinationNotice } from './system2/coordination-notice.ts'
export { type Claim, contended } from './system2/claim.ts'
export { AllocationDamping, type DampingState, type KeptDamping } from './system2/damping.ts'
export { type ClaimJudgement, type ClaimOperation, claimsToSettle, objectionToClaim } from './system2/claim-settlement.ts'
export { dueTime, reachedByMost } from './system2/group-time.ts'
export { ClaimWatch } from './system2/claim-watch.ts'
export { type ClaimEffect, ClaimHolder, type ClaimToken } from './system2/claim-holder.ts'
export {
  type ExecutorEffect,
  type OccurrenceEnding,
  OccurrenceExecutor,
  type OccurrenceMark,
} from './system2/occurrence-executor.ts'
export { type Due, dueNow, type Timetable } from './system2/schedule-planner.ts'
export { type OccurrenceRef, type ScheduleState } from './system2/schedule.ts'
export { ResourceFence, type SeenTokens } from './system2/resource-fence.ts'
export { CLAIM_CALLS_WAITING_MAX, CLAIM_FAILED_MS, CLAIM_HOLD_MAX_MS, CLAIM_REVOKE_AFTER_MS } from './system2/constants.ts'
export {
  type Capacity,
  type Damper,
  type Demand,
  type Grant,
  type KeptBargain,
  type Owed,
  ResourceBargain,
} from './system3/bargain.ts'
export { type Claimant, fairShares } from './system3/fair-shares.ts'
export {
  type ExceptionEffect,
  type KeptWatch,
  type MetricOwed,
  PerformanceMonitor,
  type WindowResult,
} from './system3/performance-monitor.ts'
export { type ProviderCalls, type RoutedUnit, Routing } from './system3/routing.ts'
export { type ProviderWindow, type RoutingWeight, Synergy, type SynergyInit } from './system3/synergy.ts'
export { EXCEPTIONS_TOLD_MAX, WEIGHT_MAX } from './system3/constants.ts'
export {
  type Auditable,
  type AuditEffect,
  Auditor,
  type AuditorInit,
  type AuditorSnapshot,
  type Finding,
  type FindingKind,
} from './system3star/auditor.ts'
export { type OwnCall } from './system3star/own-record.ts'
export { PROBES } from './system3star/constants.ts'
export { type Draft, type MissedTarget, proposalOfFinding, proposalOfMiss, type UnitStanding } from './system3/proposals.ts'
export { type ControlReport } from './system3/control-report.ts'
export { type CapabilityNotice } from './system4/capability-notice.ts'
export { type DemandAhead, proposalOfDemand, proposalOfLack } from './system4/proposals.ts'
export { Forecaster, type ForecasterInit, type ForecasterSnapshot, type Observed, type Prediction } from './system4/forecaster.ts'
export { type Posterior, type StateName } from './system4/multi-process.ts'
export { type Estimate, type FuturesTask, simulateFutures, type Station, type StationFuture } from './system4/futures.ts'
export { checkScenario, type Modelled, modelOf, type ObservedUnit, type Scenario } from './system4/scenario.ts'
export { type Begun, type StationFigures, StationMeter } from './system4/station.ts'
export {
  type Measure,
  MEASURES,
  Outlook,
  type SeriesAhead,
  type SeriesOutlook,
  type SeriesSnapshot,
  type Turn,
} from './system4/outlook.ts'
export { Skill, type SkillFigures } from './system4/skill.ts'
export { entropyBits } from './variety/entropy.ts'
export { type MeteredCall, type MeterEffect, type MeterSnapshot, VarietyMeter } from './variety/meter.ts'
export { type CapabilityRequest, type Unmet } from './variety/unmet.ts'
export { type VarietyFigures, varietyOf } from './variety/variety.ts'
export { type CallEnd, type CallOutcome, type Count, OUTCOMES } from './variety/window.ts'
export {
  COUNTS_GIVEN_MAX,
  TOOL_NAME_LENGTH_MAX,
  SLOT_MS as VARIETY_SLOT_MS,
  WINDOW_SLOTS as VARIETY_SLOTS,
} from './variety/constants.ts'
export { type Balance, EVEN, resourcedShare, type SideCounts } from './system5/balance.ts'
export { type ClosureStep, ClosureWatch, type EffectSeen, type EffectWindow } from './system5/closure.ts'
export { PROPOSAL_LIFE_MS } from './system5/constants.ts'
export { deliberate, type Deliberated, type Listed, situationOf } from './system5/deliberation.ts'
export { type Governance, type Identity, type Policy, readGovernance } from './system5/governance.ts'
export { Following, governedFromAbove, owedWithin, type SeenOfBounds, withinBounds } from './system5/above.ts'
export { type BelowRule, directivesBelow } from './system5/below.ts'
export { Obedience, type Obeyed, type Orders, type Refusal as DirectiveRefusal } from './system5/obedience.ts'
export { isOwnAffair, OwnLedger } from './system5/own-ledger.ts'
export { rule, ruleByPerson, type Ruling, type Situation, waitsForPerson } from './system5/ruling.ts'
export { WAY_DOWN, WAY_UP } from './system5/ways.ts'
export { type PolicyNotice } from './system5/policy-notice.ts'
export { type Alert } from './algedonic/alert.ts'
export { AlgedonicChannel, type AlgedonicChannelInit } from './algedonic/channel.ts'
export { type AlgedonicEffect, type AlgedonicInput, type Felt } from './algedonic/effects.ts'
export { ErrorSense, type ErrorVerdict, type KeptErrors } from './algedonic/error-sense.ts'
export { type HeldAlert, heldSchema, type OverAlert } from './algedonic/held.ts'
export { type KeptLatency, LatencySense, type LatencyVerdict } from './algedonic/latency-sense.ts'
export { organ, plainText, type Signal, type Source } from './algedonic/signal.ts'
export { DEFAULT_TERMS, isOverdue, type Level, type Terms } from './algedonic/terms.ts'
export { AlertClimb, type AlertAbove, type AlertBelow, type ClimbEffect } from './recursion/alert-climb.ts'
export {
  DELEGATE_STAGGER_MS,
  FILTER_BITS,
  FILTER_CAPACITY,
  FILTER_HASHES,
  RECORD_BYTES_MAX,
  RECORD_GAP_MS,
  ROUTE_GROUPS_MAX,
} from './recursion/constants.ts'
export { chooseDelegates, type ChooseDelegatesInit, type DelegateCandidate, type DelegateChoice } from './recursion/delegates.ts'
export { foldFigures, foldGroup, foldVariety, type OwnGroup } from './recursion/group-fold.ts'
export {
  type Above,
  type ChildName,
  isPath,
  labelsOf,
  pathUnder,
  type PlaceRefusal,
  refusedPlace,
  ROOT_PATH,
  type WantedPlace,
} from './recursion/group-path.ts'
export {
  type Followed,
  type GroupFigures,
  type GroupRecord,
  groupRecords,
  type GroupVariety,
  type RecordAlert,
} from './recursion/group-record.ts'
export {
  type ChildPlace,
  type GroupNow,
  GroupRecursion,
  type RecursionEffect,
  type ToldFromAbove,
} from './recursion/group-recursion.ts'
export {
  type GroupDirective,
  judgeDirectives,
  type ParentRecord,
  parentRecords,
  readTold,
  type RefusedDirective,
} from './recursion/parent-record.ts'
export { compareOrder, type RecordHead, type RecordOrder } from './recursion/record-head.ts'
export { type Office } from './recursion/record-pace.ts'
export {
  type CarriedRecord,
  RECORD_REFUSALS,
  type RecordRefusal,
  type RecordRules,
  RecordTable,
  type RecordVerdict,
} from './recursion/record-table.ts'
export {
  bearingOf,
  type HeardRevocation,
  KnownRevocations,
  readHeardRevocations,
  type Revocation,
  type Standing,
} from './recursion/revocation.ts'
export { type Asker, type Question, type Route, routeOf, type Step, type Surroundings } from './recursion/route.ts'
export { ToolFilter } from './recursion/tool-filter.ts'
export { MESSAGE_BYTES_MAX } from './constants.ts'
export { REPORT_CALLERS_MAX } from './system1/constants.ts'
export { ChannelForbiddenError, MessageMalformedError, TopicInvalidError } from './errors.ts'
