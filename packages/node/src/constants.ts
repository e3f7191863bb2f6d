import { GROUPS_MAX } from '@vsmcp/kernel'
import { CLOCK_SKEW_MS } from '@vsmcp/security'

/** Multiaddrs a node listens on unless told otherwise: all interfaces, IPv4 and IPv6, port 4950. */
export const DEFAULT_LISTEN: readonly string[] = ['/ip4/0.0.0.0/tcp/4950', '/ip6/::/tcp/4950']

/** Where the MCP endpoint listens unless told otherwise: this machine only. */
export const DEFAULT_HTTP = '127.0.0.1:4951'

/** One log file moves on to the next at this size, bytes. */
export const LOG_FILE_BYTES_MAX = 8 * 1024 * 1024

/** So many log files are kept: 40 MiB in all, a few days of a busy node. */
export const LOG_FILES_KEPT = 5

/** Lines a slow reader of `logs --follow` may fall behind before it misses some. */
export const LOG_FOLLOW_QUEUE_MAX = 10_000

/** Lines waiting for the disk, bytes; on a full disk the newest are lost then, not the node's memory. */
export const LOG_BUFFER_BYTES_MAX = 4 * 1024 * 1024

/** A reader of the log, and its end, wait no longer for what is still to be written, milliseconds: a full disk takes nothing. */
export const LOG_FLUSH_DEADLINE_MS = 1_000

/** A component that takes longer to start or stop is given up on, milliseconds. */
export const LIFECYCLE_DEADLINE_MS = 15_000

/**
 * A system of the node starts its parts again so often within its period, milliseconds; then it gives up to the root. A fault that
 * one message causes heals by the first, one that each start causes has used them up within moments.
 */
export const SYSTEM_RESTARTS = 3
export const SYSTEM_RESTARTS_PERIOD_MS = 10_000

/** The same for whole systems under the root: then the process ends, and whatever runs it begins anew. */
export const ROOT_RESTARTS = 3
export const ROOT_RESTARTS_PERIOD_MS = 60_000

/** `status` tells of the crash of a part for so long, milliseconds, and so many crashes are remembered at the most. */
export const CRASHES_TOLD_MS = 600_000
export const CRASHES_KEPT = 64

/** How often a part that remembers writes down what it knows, milliseconds; what it learned since is lost with its life. */
export const CHECKPOINT_PERIOD_MS = 10_000

/** Bytes of it: a thousand units with all their figures are half of that. */
export const CHECKPOINT_BYTES_MAX = 1024 * 1024

/** Lives that may begin with one and the same: a process that is killed again and again does not lose it, one that dies of it does. */
export const CHECKPOINT_BEGUN_MAX = 3

/** Messages that may wait for a part that is an actor, per lane: some seconds of a busy group; more is refused and counted. */
export const MAILBOX_MAX = 1_000

/** How long an orderly stop waits for calls in flight, milliseconds. */
export const DRAIN_DEADLINE_MS = 5_000

/** A decision (proposal answered by the group) is given up on after this, milliseconds; longer than a whole election. */
export const DECISION_DEADLINE_MS = 10_000

/** Questions of one member to System 5 at once; more are refused as busy and asked again. A claim for each unit it may have fits; a sixteenth of what may be uncommitted. */
export const ASKED_BY_MEMBER_MAX = 256

/** Bytes of them, a sixteenth of what may be uncommitted, too. */
export const ASKED_BY_MEMBER_BYTES_MAX = 1024 * 1024

/** A forwarded proposal or signature request on the control plane, milliseconds. */
export const CONTROL_DEADLINE_MS = 3_000

/**
 * Entries the consensus log may hold while a change of voters waits for its certificate, which needs them; from then on it is
 * compacted all the same. Half of what a log holds at the most.
 */
export const LOG_UNCOMPACTED_MAX = 50_000

/** How often the leader looks whether voters, links and names are as they should be, milliseconds. */
export const LEADER_DUTY_PERIOD_MS = 500

/** How often a node tells the group how it is, over gossip, milliseconds. */
export const REPORT_PERIOD_MS = 5_000

/** How often a node decides for itself what waits, and looks which directives are in force, milliseconds. */
export const GOVERN_TICK_MS = 1_000

/** The same is proposed to System 5 again, with newer evidence, no sooner, milliseconds; nor while a person is to look, or it was refused just now. */
export const PROPOSE_AGAIN_MS = 15_000
export const PROPOSE_PATIENCE_MS = 300_000

/** How often System 3 looks at the load of its units, milliseconds. */
export const BARGAIN_TICK_MS = 1_000

/** How often a node looks whether it is to serve less, or more again, milliseconds; and how late its timers come meanwhile. */
export const DEGRADATION_LOOK_MS = 1_000
export const DEGRADATION_LAG_LOOK_MS = 100

/** How often System 3 weighs the providers of units that have several, milliseconds. */
export const SYNERGY_TICK_MS = 1_000

/** Bytes of what stands in for the answer of one tool, and for those of a unit together: every node of the group keeps them, a record may have 256 KiB. */
export const FALLBACK_BYTES_MAX = 16 * 1024
export const FALLBACKS_BYTES_MAX = 64 * 1024

/** How often the memory of units is measured, milliseconds. */
export const MEMORY_PERIOD_MS = 10_000

/** Share of the machine's memory that units may have together: the node, the system and its file cache need the rest. */
export const MEMORY_SHARE = 0.8

/** Calls in work at once that a node grants for each processor core, unless told otherwise: what one unit can have at the most. */
export const CONCURRENCY_PER_CORE = 128

/** How often System 3* looks whether it is time for an audit, milliseconds. */
export const AUDIT_TICK_MS = 1_000

/** An auditor's question may take this long, milliseconds: that it is not answered is not what an audit is about. */
export const PROBE_DEADLINE_MS = 10_000

/** Pages of tools an auditor reads: as many as a host does. */
export const PROBE_PAGES_MAX = 64

/** Units one node may host. */
export const UNITS_PER_NODE_MAX = 256

/** Members named to a newcomer: enough to find the group though most are away, and well within one join message. */
export const JOIN_GRANT_PEERS_MAX = 32

/** Notices of what one change of a unit's offer brought or took; the shared document has it all, gossip must not be flooded. */
export const NOTICES_PER_CHANGE_MAX = 64

/** How often a node looks whether the term of one of its alerts is over, milliseconds: terms are seconds. */
export const ALERT_TICK_MS = 500

/** Without a System 5 for so long is pain, milliseconds: an election on a slow line takes half of it. */
export const SYSTEM5_MISSED_MS = 5_000

/** A unit that hurt and that nobody has called for so many windows is not known to hurt any more: ten minutes. */
export const UNCALLED_WINDOWS = 120

/** A timer of the node is late when it comes so much after its time, milliseconds: half the silence after which voters doubt a leader. */
export const LOOP_LATE_MS = 500

/** How often that is looked at, milliseconds. */
export const LOOP_LOOK_MS = 500

/** Copies of other nodes' alerts that were heard on gossip and that the group has not decided: the oldest is forgotten, and each after a while, milliseconds. */
export const ALERTS_HEARD_MAX = 100
export const ALERT_HEARD_KEPT_MS = 10 * 60_000

/** Events that a slow watcher of alerts may fall behind; the oldest is left out, and the watcher sees the list anew. */
export const ALERT_WATCH_QUEUE_MAX = 1_000

/** How long `alert raise` and the tool wait for System 5 before they say that the alert is kept, milliseconds: longer than an election. */
export const ALERT_ANSWER_DEADLINE_MS = 3_000

/** How long an answer about a unit of another node may take, milliseconds: `vsmcp units` must not hang on a dead node. */
export const UNIT_QUERY_DEADLINE_MS = 1_000

/** A member that left gets so long to hear that it is released before the connection is closed, milliseconds. */
export const GOODBYE_GRACE_MS = 1_000

/** Leaving the group may take a change of voters, its certificate and an election, milliseconds. */
export const LEAVE_DEADLINE_MS = 20_000

/** Below so many free bytes the doctor warns: a log, a snapshot and LevelDB's compaction need room. */
export const DISK_FREE_WARN_BYTES = 256 * 1024 * 1024

/** A clock that differs by more from another member's is warned about: half of what credentials tolerate, milliseconds. */
export const CLOCK_SKEW_WARN_MS = 150_000

/** A call waits so long for a connection to a member that others reach, milliseconds: a dial is given up then. */
export const REACH_WAIT_MS = 5_000

/** A newcomer gets a vote when it has been up for this long, milliseconds: those that join together are seated by one change. */
export const VOTER_UP_MIN_MS = 500

/** A node has the docket put right about its name and addresses after this, milliseconds: when many start, all else comes first. */
export const DESCRIBE_AFTER_MS = 1_000

/**
 * Between a leader's heartbeats, milliseconds: a fifth of the shortest election timeout. A dead leader is noticed by its closed
 * connection; heartbeats are for silent networks only, and an idle node pays for each.
 */
export const RAFT_HEARTBEAT_MS = 200

/** A bare name that the group would not grant is asked for again after this, milliseconds: the reason is rarely gone sooner. */
export const REFUSED_GRANT_PAUSE_MS = 60_000

/** Bytes of a membership message: 16 rumours with PeerIds and signatures are 4 KiB. */
export const MEMBERSHIP_BYTES_MAX = 16 * 1024

/** What is left of a measured lag of the event loop by the next measurement, about twice a second: a stall is remembered for seconds. */
export const LOOP_LAG_FADES = 0.8

/** A connected peer that the docket does not list is let go after this, milliseconds: news of a newcomer takes far less. */
export const UNLISTED_GRACE_MS = 10_000

/**
 * A credential this old, milliseconds, whose owner the docket does not list is that of a former member: a newcomer's is younger also
 * when two clocks differ by all that is tolerated, and news of it takes far less.
 */
export const UNLISTED_CREDENTIAL_AGE_MS = 2 * CLOCK_SKEW_MS

/** A leader that leaves waits so long for the change of voters and for its certificate, milliseconds, before it is asked again. */
export const RELEASE_DEADLINE_MS = 8_000

/** How long a leader that stops or leaves waits for another to take over, milliseconds: more than an election takes. */
export const HAND_OVER_DEADLINE_MS = 2_000

/** Bytes of the group's session key, for AES-256, and of its id. */
export const SESSION_KEY_BYTES = 32
export const SESSION_KEY_ID_BYTES = 8

/** A session key is accepted for so long after another one is in force, milliseconds. */
export const SESSION_KEY_KEPT_MS = 60 * 60_000

/** A member that does not hold the session key asks for it again after this, milliseconds; a leader that got it from nobody so often makes another. */
export const SESSION_KEY_RETRY_MS = 1_000
export const SESSION_KEY_TRIES_MAX = 5

/** Bytes of the nonce of a life: two never meet by chance. */
export const LIFE_NONCE_BYTES = 16

/** How long `status` names a copied node after it last showed itself, milliseconds: longer than it waits between two dials. */
export const LIFE_ALERT_MS = 120_000

/** Addresses of one member in the docket, and characters of each: what an operation of the group may carry. */
export const MEMBER_ADDRESSES_MAX = 16
export const MEMBER_ADDRESS_LENGTH_MAX = 256

/** Characters of a node's name: what credentials and the docket take. */
export const NODE_NAME_LENGTH_MAX = 64

/** A credential lives at least so long, milliseconds, whatever a policy or an absence says: it takes time to renew, and clocks count seconds. */
export const CREDENTIAL_LIFE_MIN_MS = 60_000

/**
 * The credential of who speaks for a group below lives no longer, and counts no longer, whatever it says: at each renewal it shows that it is a member
 * there still. A group that is cut off for longer goes on, and renews first when it is back.
 */
export const DELEGATE_CREDENTIAL_LIFE_MS = 86_400_000

/** Groups beside one of which it is remembered since when their voters are known: all that there may be, and as many that were. */
export const NEIGHBOURS_REMEMBERED_MAX = 2 * (GROUPS_MAX + 1)

/** How often a node looks at the latest whether its credential is to be renewed, milliseconds: clocks are set, machines sleep. */
export const RENEWAL_LOOK_MS = 60_000

/** A credential is renewed when its voters are so many changes of voters ago, however long it would last: half of those that still vouch. */
export const RENEWAL_ERAS_MAX = 8

/**
 * Requests with a chain of voters to verify that a node looks into, a minute: of one member, who has reason for one now and then; and of all. A chain of 256
 * changes takes 0.2 s where it is new. More is turned away unseen. All may ask for so much that no hundred of liars keeps a delegate from its renewal. Counted are as many members as are connected at once; beyond it the least recent is
 * forgotten, the count of all holds.
 */
export const CHAINS_SHOWN_PER_MINUTE = 10
export const CHAINS_SHOWN_PER_MINUTE_IN_ALL = 1_200
export const CHAINS_SHOWN_COUNTED_MAX = 1_024

/** Likewise of chains that one member writes into the document, a minute: at a start one for each group that may be below this one, and that above. */
export const CHAINS_WRITTEN_PER_MINUTE = GROUPS_MAX + 1

/** Entries of the document with chains that are remembered as looked at; beyond it the oldest is looked at once more. */
export const CHAINS_LOOKED_MAX = 4_096

/** How often the latest time is written down, milliseconds: how far a clock that is set back can take a node that crashed. */
export const TIME_KEPT_PERIOD_MS = 10 * 60_000

/** Members a joiner may knock at, the inviter among them: a token must stay short enough to paste. */
export const INVITATION_DOORS_MAX = 4

/** A voter bears out that another is dead when it has not seen it for so long itself, milliseconds: half of what the leader waits, since no two see it end at once. */
export const VOTER_DEAD_SEEN_MS = 5 * 60_000

/** A voter that is asked about what it has not applied yet waits so long for it, milliseconds: several heartbeats, half of what it is given to answer. */
export const ENDORSEMENT_CATCH_UP_MS = CONTROL_DEADLINE_MS / 2

/** What the voters did not bear out is not asked for again before this, milliseconds: clocks and views come together in less. */
export const REFUSED_UPKEEP_PAUSE_MS = 5_000

/** Revocations dropped by one decision: as many as one entry may. */
export const REVOCATIONS_DROPPED_AT_ONCE = 64

/** An evicted node gets so long to hear of it before the connection is closed, milliseconds: one notice, well within the second in which an eviction bites. */
export const EVICTION_GRACE_MS = 100

/** A revocation stands so much longer than the last credential could last, milliseconds: clocks differ, and one may be on its way. */
export const EVICTION_MARGIN_MS = 24 * 60 * 60_000

/** Milliseconds between looks at a bootstrap address that led to a member, and the longest between tries at one that did not. */
export const BOOTSTRAP_LOOK_MS = 60_000

/** Milliseconds until a peer that was found on the local network is dialled once more: members' own redial goes on meanwhile. */
export const FOUND_HOLD_MS = 15_000

/** Dials at a time to what was found on the local network: somebody there may make up any number of peers. */
export const FOUND_DIALS_MAX = 4

/** Peers of the local network whose last dial is remembered. */
export const FOUND_HELD_MAX = 1_024

/** A voter bears out that who runs an occurrence is gone when it has not seen it for so long itself, milliseconds; the leader waits twice as long. */
export const EXECUTOR_LOST_SEEN_MS = 10_000

/** What is due may lie so far ahead of a voter's clock for it to bear that out, milliseconds: clocks that are kept differ by far less, and a run comes no earlier. */
export const DUE_AHEAD_MAX_MS = 10_000

/** Who leads goes by the clocks of most when its own is further ahead than this, milliseconds: reports of theirs are some seconds on their way. */
export const DUE_AHEAD_MS = DUE_AHEAD_MAX_MS / 2

/** A clock that differs from those of most others by so much is pain, milliseconds: from here on what its node says of time is not borne out. */
export const CLOCK_OFF_MS = DUE_AHEAD_MAX_MS

/** Resources one unit claims, and characters of a resource's name: what the docket takes. */
export const CLAIMS_PER_UNIT_MAX = 8
export const CLAIM_NAME_LENGTH_MAX = 64

/** How long a node that stops waits until the group has its claims back, milliseconds: a decision, or an election and one. */
export const CLAIMS_GIVEN_BACK_MS = 3_000

/** Occurrences of a schedule are at least so far apart, milliseconds: each is decided by the group four times. */
export const OCCURRENCES_APART_MIN_MS = 5_000

/** Occurrences looked at to see how far apart they are. */
export const OCCURRENCES_PROBED = 16

/** An occurrence that nobody has taken goes to another node when the one it was assigned to is away for so long, milliseconds, or does not take it in this time. */
export const EXECUTOR_AWAY_MS = 2_000
export const EXECUTOR_SLOW_MS = 30_000

/** How often a node looks at the latest what it has to run, milliseconds: for what could not be told or decided before. */
export const OCCURRENCE_LOOK_MS = 1_000

/**
 * How long a scheduled run waits for its tool to be there, milliseconds: units are ready, and known to all, a few seconds after nodes began; a unit
 * that crashed is back within half a minute, or seldom soon.
 */
export const TOOL_AWAITED_MS = 30_000

/** Characters of why a run failed: what the docket takes. */
export const OCCURRENCE_REASON_LENGTH_MAX = 200

/** A schedule's name: what fits a path of `/v1`, a file and a shell without quotes. */
export const SCHEDULE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** Characters of the arguments of a schedule, as JSON: what the docket takes. */
export const SCHEDULE_ARGS_LENGTH_MAX = 4_096

/** A scheduled run is given up after this unless it is declared otherwise, milliseconds. */
export const SCHEDULE_TIMEOUT_MS = 5 * 60_000

/** Occurrences to come that are shown when a schedule is added. */
export const NEXT_OCCURRENCES_SHOWN = 3

/** Groups that one node takes part in at the most: its own, those above and below that it ties together. */
export const SEATS_MAX = 16

/** Connected peers that a new seat is shown to at once. */
export const HELLO_AGAIN_AT_ONCE = 16

/** So often in this time, milliseconds, a connected peer may show its passports anew: each costs signatures to verify. */
export const HELLO_AGAIN_PER_PEER = 20
export const HELLO_AGAIN_PERIOD_MS = 60_000

/** Characters of a group's id, and of a tool's name as it is asked for in other groups. */
export const GROUP_ID_LENGTH_MAX = 64
export const TOOL_LENGTH_MAX = 256

/** What a group exports to the one above, at the most, of each kind, and characters of all its definitions as JSON; what is not exported is found by name. */
export const EXPORTED_MAX = 128
export const EXPORTED_CHARS_MAX = 192 * 1_024

/** Delegates that are asked one after another to carry a question up, while none of them could be sent it. */
export const DELEGATES_ASKED_MAX = 4

/** Pauses until a seat that ended by itself is tried again, milliseconds: doubling from the first to the last. */
export const SEAT_RETRY_BASE_MS = 1_000
export const SEAT_RETRY_MAX_MS = 60_000

/** A group's unit is there as soon as its seat runs here. */
export const GROUP_UNIT_START_MS = 30_000

/** How long redeeming an invitation to a further group may take, milliseconds. */
export const SEAT_JOIN_MS = 30_000

/** A delegate's invitation is redeemed at once, or made again, milliseconds. */
export const DELEGATE_TOKEN_MS = 10 * 60_000

/** Who was asked to be a delegate and is none after so long, milliseconds, may be asked again. */
export const DELEGATE_ASKED_MS = 60_000

/** Home members that a founder leaves its group to. */
export const HOME_MEMBERS_ENOUGH = 3

/** Milliseconds between questions of a leader what calls its members' clients made: their counts are of the last ten minutes, and may be long. */
export const GROUP_VARIETY_PERIOD_MS = 60_000

/** Milliseconds a delegate has to take a record from its leader. */
export const CARRY_DEADLINE_MS = 5_000
