/** A call that was cancelled, or whose time is over, has so long to end by itself, ms; then its thread is ended. */
export const CANCEL_GRACE_MS = 500

/** A tool's progress is passed on no more often than this, ms: a loop that tells of every step would tell of nothing else. */
export const PROGRESS_GAP_MS = 50

/** Threads of one unit, at the most. */
export const THREADS_MAX = 256

/** Memory of one thread's heap, MiB, at least and at most. */
export const THREAD_MEMORY_MIN_MB = 16
export const THREAD_MEMORY_MAX_MB = 65_536

/** Calls that may wait for a thread in the process itself: the node sends no more than there are threads, so these are a moment's. */
export const WAITING_PER_THREAD = 4

/** A thread that has had nothing to do for so long is ended, ms. */
export const THREAD_IDLE_MS = 60_000

/** Resident memory of the process, MiB, beside twice what its threads' heaps may have: buffers are on no heap. */
export const BASE_MEMORY_MB = 256

/** How often that is looked at, ms. */
export const MEMORY_LOOK_MS = 500

/** Tools of one module, at the most. */
export const TOOLS_MAX = 1_000
