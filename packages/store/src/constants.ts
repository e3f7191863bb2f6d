/** Version of the data directory's layout and of every value's framing. Raised when an older release could not read it. */
export const FORMAT_VERSION = 1

/** Only its owner may look into a data directory: it holds keys and units' environments. */
export const DIRECTORY_MODE = 0o700

/** Values are read into memory whole; more than this is a mistake of the caller. Bytes. */
export const VALUE_BYTES_MAX = 64 * 1024 * 1024

/** LevelDB keys are kept in memory by the block; more than this is a mistake of the caller. UTF-16 units. */
export const KEY_LENGTH_MAX = 4_096

/** Writes waiting behind a running fsync; beyond, `BusyError`. At 1 ms per fsync this is seconds of work. */
export const QUEUE_LENGTH_MAX = 16_384

/** Bytes waiting behind a running fsync; beyond, `BusyError`. One largest value always fits. */
export const QUEUE_BYTES_MAX = VALUE_BYTES_MAX + 32 * 1024 * 1024

/** A merged batch is not grown beyond this, so that those waiting for it are not held up by copying. Bytes. */
export const BATCH_BYTES_MAX = 4 * 1024 * 1024

/** Entries fetched at once by a range read; between pages the database may be reopened. */
export const PAGE_LENGTH = 256

/** LevelDB's write buffer: its log is at most this long, and it is what reopening may have to write out. Bytes. */
export const WRITE_BUFFER_BYTES = 4 * 1024 * 1024

/** Free space needed before writing is tried again after a full disk: the log replayed to a table, and room to go on. Bytes. */
export const RECOVERY_SPACE_BYTES = 2 * WRITE_BUFFER_BYTES

/** Shortest time between two attempts to reopen the database after the disk refused. Milliseconds. */
export const REOPEN_INTERVAL_MS = 1_000

/** A second opener may come before the first has written who it is: how long it looks for the name, and how often. */
export const HOLDER_WAIT_MS = 50
export const HOLDER_READS_MAX = 10
