// ── Redial ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Delay before the second redial, milliseconds; doubles from there. A restarted process is usually back within a second. */
export const REDIAL_BASE_MS = 200

/** No redial waits longer, milliseconds: a cable that is plugged in again shows within half a minute. */
export const REDIAL_MAX_MS = 30_000

/** How long a member that was never seen stays suspect before it counts as failed, milliseconds. */
export const UNSEEN_MS = 5_000

/** Dials under way at once: a mesh that comes up together must not be a flood of connections. */
export const DIALS_MAX = 8

/** A dial not reported on for so long counts as timed out, milliseconds. */
export const DIAL_TIMEOUT_MS = 10_000

/** How much later than the lower PeerId the higher one dials first, milliseconds: a connection is made in far less. */
export const YIELD_MS = 250

/** The same among nodes that know each other's addresses by the same docket: many that join at once are busy with each other. */
export const YIELD_KNOWN_MS = 1_000

/** How long the lower PeerId waits for others to say that they reach a newcomer before it dials, milliseconds: an answer takes less. */
export const HEARSAY_MS = 250

/** How much later than the lower PeerId the higher one dials whom others reach, milliseconds: the lower one takes its time, too. */
export const YIELD_VOUCHED_MS = 3_000

/** Between two dials of members that others reach, milliseconds at most: a group of eight is a full mesh in seconds on any machine. */
export const PACE_MAX_MS = 500

/** Of the time that such dials take one after the other so much is left to all else: the pause is as long as a dial. */
export const PACE_FACTOR = 2

/** A connection shorter than this does not reset the back-off, milliseconds: one that flaps must not be dialed in a loop. */
export const LASTING_MS = 10_000

/** Members in one view. A group has thousands at most; beyond that it nests. */
export const MEMBERS_MAX = 10_000

/** Addresses kept for a member; the newest come first. */
export const ADDRESSES_MAX = 16

// ── Probes (SWIM) ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One member is probed in each period, milliseconds. Half of memberlist's: over a connection that stands a probe is 50 bytes. */
export const PROBE_PERIOD_MS = 500

/** Milliseconds until a connected peer that has said nothing is greeted again: the greetings of both may be lost, and who was never heard is not probed. */
export const GREET_AGAIN_MS = 5_000

/** After so much silence others are asked to probe, milliseconds; more where the round trip is long. The rest of the period is theirs. */
export const PING_TIMEOUT_MS = 200

/** Who was asked says that it, too, hears nothing after this, milliseconds: in time for the end of the asker's period. */
export const NACK_AFTER_MS = 150

/** Members asked to probe in one's stead (k in the paper). */
export const HELPERS = 3

/** Own probes under way at once, the regular one and those of members that others accuse. */
export const PROBES_MAX = 64

/** Probes for others under way at once, in all and for one asker: an asker has a few of its own at most. */
export const RELAYS_MAX = 256
export const RELAYS_PER_ASKER_MAX = 16

/** Up to so many members all look for themselves at once when one is accused. */
export const EYEWITNESSES = 8

/** Of larger groups so many look in each period, for at most `LOOK_PERIODS_MAX`: no flood of pings to one who may just be slow. */
export const LOOKS_PER_PERIOD = 50
export const LOOK_PERIODS_MAX = 4

/** Who was heard within so many periods is not suspected on the word of others, but probed. */
export const FRESH_PERIODS = 2

/** No round trip is taken for longer, milliseconds: a peer that answers later is as good as gone for a call, too. */
export const RTT_MAX_MS = 2_000

// ── Suspicion and local health (Lifeguard) ──────────────────────────────────────────────────────────────────────────────────────

/** Shortest suspicion in periods, times log10 of the members: time for the accused to hear of it and to answer. */
export const SUSPICION_PERIODS = 4

/** Longest suspicion, as a multiple of the shortest: what one node alone believes counts late. */
export const SUSPICION_MAX_FACTOR = 6

/** Independent witnesses beyond the first until suspicion is as short as it gets. */
export const SUSPICION_CONFIRMATIONS = 2

/** Worst score of the own health: all timeouts are eight times as long then. */
export const HEALTH_SCORE_MAX = 7

/** A turn so much later than asked for, milliseconds, means that this process stood still and has not yet read what came meanwhile. */
export const STALL_MS = 100

/** After standing still nobody is judged for as long as it lasted, at most for this, milliseconds: what waits is read in far less. */
export const GRACE_MAX_MS = 1_000

/** A measured lag of the event loop above this is not believed, milliseconds: timeouts must stay finite. */
export const LAG_MAX_MS = 5_000

/** Between two words of its own against accusations, milliseconds: accusing must not be a way to keep a node signing. */
export const REFUTE_PAUSE_MS = 100

// ── Spreading ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Between messages that carry nothing but rumours, milliseconds; they are sent only while there are any. */
export const GOSSIP_PERIOD_MS = 100

/** Members that such messages go to at once. */
export const GOSSIP_FANOUT = 3

/** λ: a rumour is passed on λ·log10(n + 1) times by each who hears it (rounded up). */
export const RETRANSMIT_FACTOR = 4

/** Rumours in one message: 16 with signatures are 3 KiB. */
export const RUMORS_PER_MESSAGE_MAX = 16

/** Rumours put into one message from the queue; the rest is for the addressee's own case and for what it lacks. */
export const RUMORS_TAKEN_MAX = 8

/** Members told of to a peer whose picture of the group differs, a few at a time. */
export const EXCHANGED = 6

/** Members looked at for those few, in groups of which many were never heard of. */
export const EXCHANGE_LOOKS_MAX = 24

/** Rumours that wait; the one told most often gives way. */
export const RUMORS_WAITING_MAX = 1_024

// ── Bounds of what others may send ──────────────────────────────────────────────────────────────────────────────────────────────

/** Highest incarnation: milliseconds since the epoch begin a life, and raising it a thousand times a second lasts 8,000 years. */
export const INCARNATION_MAX = 2 ** 48

/** Highest number of a probe. */
export const NUMBER_MAX = Number.MAX_SAFE_INTEGER

/** Characters of a PeerId; Ed25519's have 52. */
export const PEER_ID_LENGTH_MAX = 128

/** Bytes of a signature; Ed25519's have 64. */
export const SIGNATURE_BYTES_MAX = 128
