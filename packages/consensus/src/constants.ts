import { GROUP_DEPTH_MAX, GROUPS_MAX } from '@vsmcp/kernel'

/**
 * Every number of this package, with its unit and its reason. Timings can be overridden by `RaftInit`; bounds cannot.
 */

/** Milliseconds between a leader's heartbeats to voters. A tenth of the shortest election timeout, so that nine in a row must be lost before a follower doubts its leader. */
export const HEARTBEAT_MS = 100

/** Milliseconds between a leader's heartbeats to learners. They elect nobody, so they need only learn of silence; a group of thousands would otherwise drown its leader in heartbeats. */
export const LEARNER_HEARTBEAT_MS = 1_000

/** Milliseconds of silence after which a voter no longer vouches for its leader: the shortest election timeout. Ten round trips of a slow transcontinental link. */
export const ELECTION_TIMEOUT_MIN_MS = 1_000

/** Milliseconds: the longest election timeout. Twice the shortest spreads the candidates (Ongaro's dissertation, 9.3). A dead process is noticed by its closed connection long before; this is for silent networks. */
export const ELECTION_TIMEOUT_MAX_MS = 2_000

/** Milliseconds: the most a voter waits with its pre-vote after its connection to the leader closed. Long against a local round trip (so that one candidate is clearly first), short against a person's patience. */
export const CLOSED_JITTER_MAX_MS = 30

/** Milliseconds until a pre-vote after a closed connection is tried again; doubles with each attempt up to the shortest election timeout. */
export const CLOSED_RETRY_MS = 100

/** Milliseconds: the most a candidate waits after an election that nobody could win any more (split vote). */
export const SPLIT_RETRY_MAX_MS = 150

/** Milliseconds after which a snapshot that was not acknowledged is taken for lost. Enough for `SNAPSHOT_BYTES_MAX` at 10 Mbit/s. */
export const SNAPSHOT_RETRY_MS = 8_000

/** Bytes of one entry's data. Charter changes and docket entries are small; four of them still fit one append. */
export const ENTRY_BYTES_MAX = 256 * 1024

/** Bytes a log counts for each entry on top of its data, so that empty entries are not free. */
export const ENTRY_OVERHEAD_BYTES = 48

/** Entries in one append message. */
export const APPEND_ENTRIES_MAX = 512

/** Bytes of entries in one append message (one entry is always sent). Far under the 16 MiB frame cap of every protocol. */
export const APPEND_BYTES_MAX = 1024 * 1024

/** Appends sent to one follower and not yet answered. A hundred-millisecond link still carries 640 full appends a second. */
export const INFLIGHT_APPENDS_MAX = 64

/** Bytes sent to one follower and not yet answered: what a leader may lose in one closed connection. */
export const INFLIGHT_BYTES_MAX = 8 * 1024 * 1024

/** Entries proposed and not yet committed; more are refused. A leader without quorum must not grow without end. */
export const UNCOMMITTED_ENTRIES_MAX = 4_096

/** Bytes proposed and not yet committed; more are refused. */
export const UNCOMMITTED_BYTES_MAX = 16 * 1024 * 1024

/** Entries a log holds in memory; a leader refuses proposals beyond it until the shell compacts. */
export const LOG_ENTRIES_MAX = 100_000

/** Entries applied since the last snapshot after which `compactionDue` asks for one. */
export const COMPACT_AFTER_ENTRIES = 4_096

/** Entries kept behind a snapshot, so that a follower that missed a moment catches up by log. */
export const COMPACT_KEEP_ENTRIES = 1_024

/** Bytes a log holds after which it is compacted however few its entries are: a log is in memory, and members write entries of up to `OPERATION_BYTES_MAX`. */
export const COMPACT_AFTER_BYTES = 32 * 1024 * 1024

/** Bytes of applied entries that are then kept, and that must at least be gained: a snapshot may take as much. */
export const COMPACT_KEEP_BYTES = 8 * 1024 * 1024

/** Entries handed to the state machine in one `Ready`. */
export const APPLY_ENTRIES_MAX = 1_024

/** Bytes handed to the state machine in one `Ready` (one entry is always handed). Bounds how long one turn of the shell takes. */
export const APPLY_BYTES_MAX = 4 * 1024 * 1024

/** Bytes of a snapshot's data: half the 16 MiB frame cap, since it travels in one message with its configuration. */
export const SNAPSHOT_BYTES_MAX = 8 * 1024 * 1024

/** Reads waiting for their quorum round; more are refused. */
export const READS_PENDING_MAX = 4_096

/** Characters of a read's context. */
export const READ_CONTEXT_MAX = 128

/** Entries a follower may be behind the commit index and still count as in sync. */
export const IN_SYNC_LAG_MAX = 64

/** Characters of a PeerId string. Ed25519 takes 52; other key types a little more. */
export const PEER_ID_MAX = 128

/** Voters of one half of a configuration (rule 7). */
export const VOTERS_MAX = 7

/** Voters that a group aims for (rule 7): two may fail. */
export const VOTERS_TARGET = 5

/** Milliseconds a voter must have been failed before another member takes its seat: longer than a reboot, shorter than a night. */
export const VOTER_DEAD_AFTER_MS = 10 * 60_000

/** Learners of a configuration: every member that is no voter. */
export const LEARNERS_MAX = 10_000

/** Changes in one configuration entry: two whole sets of voters and a batch of learners. */
export const CONFIGURATION_CHANGES_MAX = 64

/** Signed votes in one proof: both halves of a joint configuration. */
export const PROOF_VOTES_MAX = 2 * VOTERS_MAX

/** Bytes of one vote's signature. Ed25519 takes 64. */
export const VOTE_SIGNATURE_BYTES_MAX = 512

/** Terms and indexes stay under this, so that adding one is always exact. */
export const COUNTER_MAX = 2 ** 52

/** Members of a group. A larger fleet is divided into groups: that is what recursion is for. */
export const MEMBERS_MAX = 10_000

/** Invitations that are neither expired nor revoked. */
export const INVITATIONS_MAX = 1_000

/** Times one invitation may be used. */
export const INVITATION_USES_MAX = MEMBERS_MAX

/** Units claimed in a group. */
export const UNITS_MAX = 10_000

/** Providers of one unit: a caller draws among all of them, and each has its record of definitions in the shared document. */
export const UNIT_PROVIDERS_MAX = 16

/** Bare names granted in a group. */
export const NAMES_MAX = 10_000

/** Certified changes of voters in a group's docket, and in the chain that every node shows at every hello: 256 of seven voters fit into one. */
export const LINKS_MAX = 256

/** Links at which a group that survives a failure leaves its voters as they are: the rest is for what cannot wait. */
export const LINKS_KEPT_FREE_AT = LINKS_MAX - 16

/** Links at which a group of fewer than three voters leaves them, too, and recovery keys stay as they are: the rest is for recoveries. */
export const LINKS_FOR_RECOVERY_AT = LINKS_MAX - 8

/** Links from which `status` says how many are left: three quarters. */
export const LINKS_TOLD_FROM = (LINKS_MAX / 4) * 3

/**
 * Links that stay beside an anchor: as many voter sets as still vouch for members (asserted by a test), so that shortening the chain takes no
 * credential's signers away.
 */
export const LINKS_BESIDE_ANCHOR = 16

/** Bytes of one link: two majorities of signatures and the voters before and after. */
export const LINK_BYTES_MAX = 16 * 1024

/** Characters of names of nodes, zones and meshes. */
export const LABEL_MAX = 64

/** Characters of a bare name (a tool, prompt or resource as its server calls it). */
export const BARE_NAME_MAX = 128

/** Addresses of one member. */
export const ADDRESSES_MAX = 16

/** Characters of one address. */
export const ADDRESS_MAX = 256

/** Characters of an invitation's id and of its verifier (base64url of a key or digest). */
export const TOKEN_PART_MAX = 256

/** Items of a charter's operators, revocations, zones and policies, each. */
export const CHARTER_ITEMS_MAX = 1_000

/** Bytes of all records of a group together: a snapshot is one message, and canonical JSON adds little to its records. */
export const STATE_BYTES_MAX = SNAPSHOT_BYTES_MAX - 1024 * 1024

/**
 * Bytes of these that are kept, from `ORGANS_LEVEL` on, for what keeps a group going: links of the chain, joins, alerts, the end of
 * what was begun. Units, claims, schedules, invitations are refused before. The whole chain of a group of five voters fits, or a thousand joins.
 */
export const STATE_RESERVED_BYTES = 1024 * 1024

/** Nesting of an operation's JSON, fields that are not understood included. */
export const JSON_DEPTH_MAX = 16

/** Nesting of a snapshot's JSON: an operation's field stands in a record, in a pair, in a table, in the state. */
export const STATE_DEPTH_MAX = JSON_DEPTH_MAX + 8

/** Bytes of one operation: sixteen addresses or a link, and room for fields of later versions. */
export const OPERATION_BYTES_MAX = 64 * 1024

/** Bytes of a charter. It is small by nature; a thousand revocations fit. */
export const CHARTER_BYTES_MAX = 256 * 1024

/** Operators that a charter names. */
export const OPERATORS_MAX = 64

/** Operators that may recover the group (rule 9): each link of the chain of voters names them all, some 50 bytes each. */
export const RECOVERERS_MAX = 8

/** Changes of policy that a charter remembers. */
export const POLICY_HISTORY_MAX = 50

/** Characters of the reason of a decision: a sentence or two, fifty of which fit a charter. */
export const REASON_MAX = 500

/** Characters of one signature in base64url. Ed25519 takes 86. */
export const SIGNATURE_TEXT_MAX = 172

/** Milliseconds an ephemeral member may at least and at most be away before it is forgotten: a restart, a month. */
export const ABSENCE_MIN_MS = 1_000
export const ABSENCE_MAX_MS = 30 * 24 * 60 * 60_000

/** Revocations dropped by one entry. */
export const EXPIRED_AT_ONCE_MAX = 64

/** Alerts that are open in a group at once: whoever governs looks at each. Each takes no more of the state than `ALERT_BYTES_MAX`. */
export const ALERTS_OPEN_MAX = 256

/** Open alerts of one member, so that one that is in trouble, or lies, leaves room for the others'. */
export const ALERTS_OPEN_PER_MEMBER_MAX = 32

/** Alerts that are over and still remembered; the one that ended first is forgotten. */
export const ALERTS_CLOSED_MAX = 64

/** Bytes of an alert as it is raised: subject and text in the widest script, and room for fields of later versions. */
export const ALERT_BYTES_MAX = 4 * 1024

/** UTF-16 units of an alert's subject, as in the subject line of a mail, and of its text. */
export const ALERT_SUBJECT_MAX = 160
export const ALERT_TEXT_MAX = 500

/** Characters of an alert's id: 48 random bits in hex, and room. */
export const ALERT_ID_MAX = 32

/** The feature level of this version: what its nodes understand. A new group begins with it. */
export const FEATURE_LEVEL = 4

/** Feature level from which a group knows operators, policies, evictions, certificates and proofs of leaving. */
export const AUTHORITY_LEVEL = 2

/** Feature level from which a group's docket holds what the organs of the viable system decide: alerts, claims of resources, schedules. */
export const ORGANS_LEVEL = 3

/** Feature level from which a unit may have more than one provider, the docket says what all of them offer, and records tell of worker units. */
export const PROVIDERS_LEVEL = 4

/** Feature level from which its docket holds what is proposed to System 5 and what becomes of it, and its identity is fixed. */
export const GOVERNING_LEVEL = 4

/** Feature level from which a majority of the voters bears out, each by its own clock, that what a schedule is decided up to has come. */
export const CLOCKS_LEVEL = 4

/** Feature level from which the chain of voters names the recovery keys, and they count. */
export const RECOVERERS_LEVEL = 3

/** Feature level from which a docket holds child groups, and who is a delegate of one. */
export const GROUPS_LEVEL = 4

/** Feature level from which a group can be moved below another one. */
export const MOVES_LEVEL = 4

/** Feature level from which an anchor, signed by the mesh key, shortens the chain of voters. */
export const ANCHORS_LEVEL = 4

export { GROUP_DEPTH_MAX, GROUPS_MAX }

/** Characters of a group's path: all levels of labels. */
export const PATH_MAX = GROUP_DEPTH_MAX * (LABEL_MAX + 1)

/** Groups that one member founded, so that one that lies leaves room for the others'. */
export const GROUPS_PER_FOUNDER_MAX = 32

/** Delegates that a group below this one wants here, so that the failure of one cuts nobody off. */
export const DELEGATES_WANTED = 2

/**
 * Milliseconds a delegate may be away before it is forgotten, where at least `DELEGATES_WANTED` others are listed: another member has taken its seat
 * long since. A group that is cut off as a whole keeps its delegates.
 */
export const DELEGATE_ABSENCE_MS = 60 * 60_000

/** Ids of removed groups that are remembered, so that no operation asked for twice brings one back; some 40 bytes each. */
export const GROUPS_REMOVED_MAX = 256

/** Groups that were moved away and are remembered with the move that had brought them, so that no late word brings one back; some 50 bytes each. */
export const GROUPS_DEPARTED_MAX = 256

/** Characters of a group's id. */
export const GROUP_ID_MAX = 64

/** Characters of the name of a resource. */
export const RESOURCE_NAME_MAX = 64

/** Resources that one unit claims: they are granted all together, so each more makes it wait longer. */
export const CLAIM_RESOURCES_MAX = 8

/** Claims that are held or waited for in a group; each change looks at all of them. */
export const CLAIMS_MAX = 1_000

/** Claims of one member: as many units as it may host, and it alone cannot take all of the group's. */
export const CLAIMS_PER_MEMBER_MAX = 256

/** Schedules of a group: one each second at the least apart, all at once, is what a log takes easily. */
export const SCHEDULES_MAX = 256

/** Characters of a schedule's name, its pattern, its time zone and of why an occurrence ended as it did. */
export const CRON_MAX = 128
export const TIMEZONE_MAX = 64
export const OUTCOME_REASON_MAX = 200

/** Characters of a tool's name as a schedule calls it, and of the JSON of its arguments. */
export const TOOL_NAME_MAX = 160
export const SCHEDULE_ARGS_MAX = 4_096

/** Milliseconds one run of a schedule may take at least and at most. */
export const RUN_TIMEOUT_MIN_MS = 1_000
export const RUN_TIMEOUT_MAX_MS = 24 * 60 * 60_000

/** Occurrences of one schedule that wait to be run: what was missed, with `missed: all`. */
export const OCCURRENCES_WAITING_MAX = 100

/** Groups of skipped occurrences in one decision: one for each reason. */
export const SKIPS_MAX = 4

/** Occurrences that a schedule remembers. */
export const OCCURRENCES_KEPT_MAX = 20

/** How often one occurrence of an idempotent schedule is begun at the most. */
export const ATTEMPTS_MAX = 3

/** Changes of configuration told with a snapshot, to who cannot verify an election without: one a second at most, until the next snapshot. */
export const SNAPSHOT_CHANGES_MAX = 64

/** A peer in another epoch is shown the chain of this one no more often, milliseconds. */
export const EPOCH_TOLD_PERIOD_MS = 1_000

/** Proposals of a group that wait for a decision: a person may have to look at each. */
export const PROPOSALS_OPEN_MAX = 64

/** Likewise of one member, so that one that complains of everything leaves room for the others. */
export const PROPOSALS_OPEN_PER_MEMBER_MAX = 8

/** Proposals that are over and still remembered; the one decided first is forgotten. The balance of Systems 3 and 4 is read from them. */
export const PROPOSALS_OVER_MAX = 64

/** Directives in force at once: System 5 steers little, and seldom. */
export const DIRECTIVES_MAX = 128

/** All proposals in a snapshot: open, over, and directives in force, of which each was open once. With `PROPOSAL_BYTES_MAX` a megabyte at the most. */
export const PROPOSALS_KEPT_MAX = 512

/** Bytes of a proposal as it is made: text and figures in the widest script. */
export const PROPOSAL_BYTES_MAX = 2 * 1024

/** Milliseconds a proposal may wait for its decision: a person may be away for a week. */
export const PROPOSAL_LIFE_MAX_MS = 7 * 24 * 60 * 60_000

/** Milliseconds after a decision or the end of a directive in which the same is not proposed again: what changed is to show first. */
export const PROPOSAL_PAUSE_MS = 60_000

/** Milliseconds after which newer evidence takes the place of older. */
export const PROPOSAL_RENEW_MS = 10_000

/** Other members that are remembered to propose the same. */
export const PROPOSAL_SECONDS_MAX = 8

/** Figures of evidence, and UTF-16 units of its text. */
export const EVIDENCE_FIGURES_MAX = 8
export const EVIDENCE_TEXT_MAX = 200

/** Largest figure of a proposal: above it nothing that a node measures or can be given. */
export const AMOUNT_MAX = 1e12

/** How often a directive is given: once more when it had not the effect, then somebody has to look. */
export const DIRECTIVE_ATTEMPTS_MAX = 2
