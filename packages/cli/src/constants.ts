/** Version of this program; the manifest's, held to it by a test. */
export const VERSION = '0.1.0'

/** Work that takes longer than this is spoken of on the terminal, ms: shorter waits feel immediate. */
export const PROGRESS_AFTER_MS = 1_000

/** How often the seconds shown beside such work are brought up to date, ms. */
export const PROGRESS_PERIOD_MS = 1_000

/** Widest a table may be where the terminal does not tell its width, columns. */
export const TABLE_WIDTH_DEFAULT = 120

/** How long an invitation is good for unless told otherwise, ms: a working day and a night. */
export const INVITATION_TTL_MS = 24 * 60 * 60 * 1_000

/** How long an ephemeral member may be away unless told otherwise, ms: a restart or a move takes less. */
export const ABSENCE_MS = 10 * 60 * 1_000

/** How long a server has to list its tools unless told otherwise, ms: `npx` may have to download it first. */
export const START_TIMEOUT_MS = 30_000

/** How long a tool may take unless told otherwise, ms. */
export const CALL_TIMEOUT_MS = 30_000

/** How long `wait` waits unless told otherwise, ms. */
export const WAIT_TIMEOUT_MS = 30_000

/** How long `join` tries the addresses of an invitation unless told otherwise, ms. */
export const JOIN_TIMEOUT_MS = 30_000

/** How often something outside this process (another process's end, a node's start) is looked at, ms. */
export const POLL_PERIOD_MS = 50

/** How long a stopping node's process may take to be gone unless told otherwise, ms; its own deadlines are within. */
export const DOWN_TIMEOUT_MS = 60_000

/** How long a node started by `up --detach` may take to be ready, ms: a full disk check and many peers are slow. */
export const DETACH_READY_TIMEOUT_MS = 60_000

/** So many of a detached node's last lines are shown when it does not come up. */
export const LAST_LINES_MAX = 20

/** Largest `logs/up.out` that a start writes on; a larger one begins anew, bytes: what many starts and crashes fill. */
export const UP_OUT_BYTES_MAX = 1024 * 1024

/** After everything is stopped, open handles of a library do not keep the process longer than this, ms. */
export const EXIT_GRACE_MS = 2_000

/** Largest file or standard input this program reads, bytes: what the control API takes. */
export const INPUT_MAX_BYTES = 16 * 1024 * 1024

/** Longest a unit's name can be; see UNIT_NAME_PATTERN of the kernel. */
export const UNIT_NAME_LENGTH_MAX = 24

/** Free disk space below which `doctor` warns, bytes: the log files and a snapshot of the consensus log. */
export const DISK_FREE_WARN_BYTES = 512 * 1024 * 1024

/** Free disk space below which `doctor` calls it a failure, bytes: a node can no longer write its log. */
export const DISK_FREE_FAIL_BYTES = 64 * 1024 * 1024

/** Shortest token that `--http-token-file` may hold, characters: 16 of hexadecimal are 64 bits, which nobody guesses online. */
export const HTTP_TOKEN_LENGTH_MIN = 16

/** In the environment of the process that `up --detach` starts, so that it tells its parent when it serves. */
export const DETACHED_VARIABLE = 'VSMCP_DETACHED'

/** Oldest Node.js this program runs on. */
export const NODE_MAJOR_MIN = 24

/** Files newer than now by more than this say that the clock went back, ms; file systems round times. */
export const CLOCK_TOLERANCE_MS = 60_000

/** A node under systemd is started again so long after a fault, seconds: time for ports to be free. */
export const SERVICE_RESTART_S = 2

/** What systemd gives a node to stop, seconds: its own deadlines, within `DOWN_TIMEOUT_MS`, and some. */
export const SERVICE_STOP_S = 75

/** Open files of a node under systemd: all connections, and pipes of as many servers. */
export const SERVICE_FILES_MAX = 65_536

/** A run of a schedule is given up after this, ms: as the node's own default. */
export const SCHEDULE_TIMEOUT_MS = 5 * 60_000

/** What a thread of a worker unit may use of memory unless told otherwise, MiB: some ten times what an idle one does. */
export const THREAD_MEMORY_MB = 256
