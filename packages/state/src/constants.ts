/** The root type of the document that carries the records; the only one an update may name. */
export const CARRIER_NAME = 'records'

/** One record, signature and all: the definitions of some hundred tools. Larger things are fetched from their owner. Bytes. */
export const RECORD_BYTES_MAX = 256 * 1024

/** Characters of a record's key; with writer and collection it is repeated in every update. */
export const KEY_LENGTH_MAX = 256

/** UTF-8 bytes of a carried name (collection, writer, key): 32 + 128 + 4 per character of a key, and separators. */
export const NAME_BYTES_MAX = 32 + 128 + 4 * KEY_LENGTH_MAX + 2

/** Nesting of a record's value: deeper ones overflow the stack of whoever walks them. */
export const VALUE_DEPTH_MAX = 64

/** Records of one writer, tombstones included: some hundred units and the rest. */
export const RECORDS_PER_WRITER_MAX = 4_096

/** Records of all writers, tombstones included. */
export const RECORDS_MAX = 20_000

/** Elements in the carrier, shadowed doubles included; more is somebody's attack. */
export const ELEMENTS_MAX = 2 * RECORDS_MAX

/** Whole document as one update: it must fit one frame of the state plane (16 MiB) with room to spare. Bytes. */
export const DOCUMENT_BYTES_MAX = 12 * 1024 * 1024

/** One answer to a sync request: a whole document and what is pending. Bytes. */
export const SYNC_BYTES_MAX = 14 * 1024 * 1024

/** A sync request carries a state vector, a records request names what is known: far less than a document. Bytes. */
export const REQUEST_BYTES_MAX = 4 * 1024 * 1024

/** Records answered to one `state:records`; the next round brings the rest. Bytes. */
export const RECORDS_ANSWER_BYTES_MAX = 8 * 1024 * 1024

/** An update goes by gossip up to this size (the mesh takes 64 KiB), else peers are told to fetch it. Bytes. */
export const GOSSIP_UPDATE_BYTES_MAX = 48 * 1024

/** Yjs clients in a document: one per node that ever wrote, as ids are kept across restarts. */
export const CLIENTS_MAX = 16_384

/** Structs and delete ranges of one update; a whole document of `ELEMENTS_MAX` scattered elements has about twice as many. */
export const STRUCTS_MAX = 4 * ELEMENTS_MAX

/** Clock of a Yjs client: at ten writes a second, six years. Keeps sums of hostile lengths far from losing integer precision. */
export const CLOCK_MAX = 2 ** 31

/** Updates waiting for earlier ones; beyond it they are dropped, as the next sync brings them anyway. Bytes. */
export const PENDING_BYTES_MAX = 1024 * 1024

/**
 * Yjs may walk the whole list for each struct it integrates (YATA's conflict resolution). Up to this product of structs and
 * list length, below 100 ms on a slow machine, an update is applied as it is; beyond, under a time limit.
 */
export const UNGUARDED_STEPS_MAX = 500_000

/** The time limit: a whole honest document takes a tenth of it on a slow machine. Milliseconds. */
export const APPLY_TIME_MAX_MS = 3_000

/** How long a record lives when the writer says nothing; renewed at half of it. Milliseconds. */
export const LIFE_DEFAULT_MS = 7 * 24 * 3_600_000

/** The longest a record may live, and how long a tombstone and the memory of the highest seen stay. Milliseconds. */
export const LIFE_MAX_MS = 30 * 24 * 3_600_000

/** Clocks of members may differ by so much, as for credentials. Milliseconds. */
export const CLOCK_SKEW_MS = 5 * 60_000

/** Shortest and longest time between two looks for records that ended or need renewal. Milliseconds. */
export const SWEEP_MIN_MS = 250
export const SWEEP_MAX_MS = 3_600_000

/** Records waiting to be verified; what comes on top is found again in the document when the queue is empty. */
export const INTAKE_MAX = RECORDS_MAX

/** Signatures checked before other work has its turn: about 5 ms of Ed25519. */
export const INTAKE_SLICE = 64

/** Digests of values known to be garbage, so that they are not verified again. */
export const GARBAGE_MAX = 4_096

/** Repairs in one go: one transaction, one gossip message in most cases. */
export const REPAIRS_PER_ROUND = 64

/**
 * Others wait this many repair intervals, and up to this many more by chance, before they put back what its owner did
 * not: the owner comes first, and one of many is enough.
 */
export const FOREIGN_REPAIR_MIN_ROUNDS = 5
export const FOREIGN_REPAIR_SPREAD_ROUNDS = 10

/** Increments kept before they are folded into one update on disk. */
export const INCREMENTS_MAX = 512
/** Likewise, in bytes. */
export const INCREMENT_BYTES_MAX = 2 * 1024 * 1024

/** Damaged values kept aside for a person to look at; the oldest is overwritten. */
export const QUARANTINE_MAX = 8

/** Peers synced with at each interval: news reach a group of 50 within four of them. */
export const SYNC_FANOUT = 2

/** Syncs of this node running at once. */
export const SYNCS_AT_ONCE_MAX = 4

/** After `peerUp` the node with the higher id leaves the first sync to the other for so long. Milliseconds. */
export const SYNC_YIELD_MS = 1_000

/** News of a peer lead to a sync within this time, by chance, but so long after the last one at least. Milliseconds. */
export const NEWS_DELAY_MAX_MS = 500
export const NEWS_SPACING_MS = 1_000

/** Requests a peer may make in one go, and per second: a sync costs the answering node a whole encoding at worst. */
export const REQUEST_BURST = 16
export const REQUESTS_PER_SECOND = 4

/**
 * Points within the period that make this node deaf to a peer, and for how long. Eight messages that no honest node sends;
 * four times as many that cannot be merged, because an honest one may pass on what somebody else forged.
 */
export const OFFENCES_MAX = 32
export const OFFENCE_POINTS = 4
export const CONFLICT_POINTS = 1
export const OFFENCE_PERIOD_MS = 60_000

/** y-protocols' own figures: a hint is said again every 15 s, forgotten after 30 s, and that is looked at every 3 s. */
export const HINT_RENEWAL_MS = 15_000
export const HINT_LIFE_MS = 30_000
export const HINT_CHECK_MS = 3_000

/** One hint as JSON. Bytes. */
export const HINT_BYTES_MAX = 4 * 1024

/** A document that cannot be merged with those of others is given up for theirs at most this often. Milliseconds. */
export const RESET_INTERVAL_MS = 5 * 60_000

/** After the store refused, the whole document is tried again not sooner. Milliseconds. */
export const STORE_RETRY_MS = 2_000
