import type { Plane } from '@vsmcp/kernel'
import type { Gateway, ProcessGuard } from '@vsmcp/mcp'
import type { SharedState } from '@vsmcp/state'
import type { Algedonic } from './algedonic/algedonic.ts'
import type { AlertDesk } from './algedonic/alert-desk.ts'
import type { AlertsView } from './algedonic/alerts-view.ts'
import type { ClockSense } from './algedonic/clock-sense.ts'
import type { LoopSense } from './algedonic/loop-sense.ts'
import type { Senses } from './algedonic/senses.ts'
import type { UnitSenses } from './algedonic/unit-senses.ts'
import type { ReportJudge } from '@vsmcp/vsm'
import type { Catalog } from './catalog/catalog.ts'
import type { SessionKeys } from './keys/session-keys.ts'
import type { Fallbacks } from './degradation/fallbacks.ts'
import type { Degradation } from './degradation/degradation.ts'
import type { Discovery } from './members/discovery.ts'
import type { MemberClocks } from './members/member-clocks.ts'
import type { Members } from './members/members.ts'
import type { Beyond } from './recursion/beyond.ts'
import type { DelegateDesk } from './recursion/delegate-desk.ts'
import type { Delegates } from './recursion/delegates.ts'
import type { GroupRecords } from './recursion/group-records.ts'
import type { OwnPlace } from './recursion/own-place.ts'
import type { PlaceProofs } from './recursion/place-proof.ts'
import type { Memberships } from './recursion/memberships.ts'
import type { Epochs } from './recovery/epochs.ts'
import type { Lives } from './recovery/lives.ts'
import type { OwnOffers } from './route/own-offers.ts'
import type { Router } from './route/router.ts'
import type { CallVariety } from './variety/call-variety.ts'
import type { Feeds } from './system4/feeds.ts'
import type { Scanner } from './system4/scanner.ts'
import type { Simulations } from './system4/simulations.ts'
import type { LocalUnits } from './system1/local-units.ts'
import type { Operations } from './system1/operations.ts'
import type { Readiness } from './system1/readiness.ts'
import type { UnitPublisher } from './system1/unit-publisher.ts'
import type { Bargaining } from './system3/bargaining.ts'
import type { Performance } from './system3/performance.ts'
import type { ProviderWeights } from './system3/provider-weights.ts'
import type { Auditing } from './system3star/auditing.ts'
import type { ClaimDesk } from './system2/claim-desk.ts'
import type { OccurrenceRunner } from './system2/occurrence-runner.ts'
import type { ScheduleDesk } from './system2/schedule-desk.ts'
import type { Timetables } from './system2/timetables.ts'
import type { Directives } from './system3/directives.ts'
import type { EffectSight } from './system5/governing/effect-sight.ts'
import type { OwnGoverning } from './system5/governing/own-governing.ts'
import type { ProposalDesk } from './system5/governing/proposal-desk.ts'
import type { Proposing } from './system5/governing/proposing.ts'
import type { Admission } from './system5/admission.ts'
import type { Credentials } from './system5/credentials.ts'
import type { Decisions } from './system5/decisions.ts'
import type { Departure } from './system5/departure.ts'
import type { Endorsing } from './system5/endorsement/endorsing.ts'
import type { Expulsion } from './system5/expulsion.ts'
import type { Granting } from './system5/granting.ts'
import type { GroupLog } from './system5/group-log.ts'
import type { LeaderDuties } from './system5/leader-duties.ts'
import type { Office } from './system5/office.ts'
import type { Renewal } from './system5/renewal.ts'
import type { Standing } from './system5/standing.ts'
import type { Trust } from './system5/trust.ts'
import type { TrustedTime } from './system5/trusted-time.ts'
import type { VoterKeeping } from './system5/voter-keeping.ts'
import type { GroupSignals } from './topics/group-signals.ts'
import type { GroupMesh } from './seats/group-mesh.ts'
import type { HostMesh } from './seats/host-mesh.ts'
import type { Reports } from './topics/reports.ts'

/** What a process has once, however many groups it takes part in; none started. */
export interface HostParts {
  /** Where this node runs: how one group is asked on behalf of another. */
  memberships: Memberships
  /** The connections that all its seats share. */
  hostMesh: HostMesh
  guard: ProcessGuard
  simulations: Simulations
  discovery: Discovery
}

/** A membership in a group, of the home group or of another: all that decides, tells, calls and feels there; wired, none started. */
export interface GroupParts {
  time: TrustedTime
  standing: Standing
  trust: Trust
  lives: Lives
  epochs: Epochs
  sessionKeys: SessionKeys
  /** The connections of the process, as this group sees them. */
  mesh: GroupMesh
  /** The control plane, for members only. */
  control: Plane
  log: GroupLog
  decisions: Decisions
  credentials: Credentials
  renewal: Renewal
  admission: Admission
  granting: Granting
  members: Members
  clocks: MemberClocks
  voters: VoterKeeping
  endorsing: Endorsing
  expulsion: Expulsion
  duties: LeaderDuties
  departure: Departure
  state: SharedState
  catalog: Catalog
  publisher: UnitPublisher
  units: LocalUnits
  claims: ClaimDesk
  operations: Operations
  bargaining: Bargaining
  degradation: Degradation
  fallbacks: Fallbacks
  schedules: ScheduleDesk
  occurrences: OccurrenceRunner
  timetables: Timetables
  own: OwnOffers
  performance: Performance
  auditing: Auditing
  /** Which units take calls now. */
  readiness: Readiness
  /** How much of a unit's calls each of its providers gets. */
  weights: ProviderWeights
  /** Where the group stands. */
  place: OwnPlace
  placeProofs: PlaceProofs
  /** Who of the members can ask the group above. */
  delegates: Delegates
  delegateDesk: DelegateDesk
  beyond: Beyond
  /** What groups above and below say of themselves, and this one to them. */
  records: GroupRecords
  router: Router
  signals: GroupSignals
  /** Takes or refuses what other nodes report of their units. */
  reportJudge: ReportJudge
  reports: Reports
  office: Office
  algedonic: Algedonic
  alertsView: AlertsView
  alerts: AlertDesk
  effects: EffectSight
  ownGoverning: OwnGoverning
  proposing: Proposing
  directives: Directives
  proposals: ProposalDesk
  senses: Senses
  variety: CallVariety
  scanner: Scanner
  unitSenses: UnitSenses
  clockSense: ClockSense
}

/** What only the home group of a process has: its endpoint for clients, what is fed to it, and the sense of the process's own time. */
export interface HomeParts {
  gateway: Gateway
  feeds: Feeds
  loopSense: LoopSense
}

/** Every part of a running node but those of its further seats, wired, none started. */
export interface Parts extends HostParts, GroupParts, HomeParts {}
