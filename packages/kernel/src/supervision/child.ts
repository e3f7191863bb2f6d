import type { Startable } from '../startable.ts'

/**
 * `permanent`: always started again; `transient`: only after a crash; `temporary`: never, and forgotten when it ends.
 */
export type RestartType = 'permanent' | 'transient' | 'temporary'

/**
 * Whom the end of a child concerns: `one_for_one` the child alone, `rest_for_one` also those started after it, `one_for_all`
 * all.
 */
export type Strategy = 'one_for_one' | 'rest_for_one' | 'one_for_all'

/** What a child knows of its life: from a start to the end, by itself or because it is stopped. */
export interface Life {
  /** Ends it: with an error it is a crash, without one the child was done. The first word counts, and none once it is being stopped. */
  readonly exit: (error?: unknown) => void
  /** What was saved last in an earlier life under the same supervisor. */
  readonly checkpoint: unknown
  /** Keeps a copy for the next life. Plain data, whatever `structuredClone` takes. */
  readonly save: (checkpoint: unknown) => void
}

export interface MailboxFigures {
  readonly length: number
  readonly lengthMax: number
  /** Since the actor was made: refused because the mailbox was full. */
  readonly refused: number
  /** Forgotten: for a newer one, or because the life they waited in ended. */
  readonly dropped: number
}

/** What a child shows of its inside. */
export interface Inspection {
  readonly mailbox?: MailboxFigures
  readonly strategy?: Strategy
  readonly children?: readonly TreeEntry[]
}

/** A component under a supervisor. */
export interface Supervised extends Startable {
  inspect?(): Inspection
}

export interface WorkerSpec {
  readonly id: string
  /**
   * Makes what lives one life; its `start` follows. `undefined`: there is nothing to run now, the place is kept. A component
   * instead of a function is one that can be started again after its `stop`.
   */
  readonly child: Supervised | ((life: Life) => Supervised | undefined)
  /** @default 'permanent' */
  readonly restart?: RestartType
  /** @default that of the supervisor */
  readonly startDeadlineMs?: number
  /** After it the child is abandoned. @default that of the supervisor */
  readonly stopDeadlineMs?: number
  /** It can be started again only once it has stopped: else its supervisor gives up. @default true for a component, false for a function */
  readonly mustStopFirst?: boolean
}

export interface SupervisorSpec {
  readonly id: string
  /** @default 'one_for_one' */
  readonly strategy?: Strategy
  /** Restarts allowed within `periodMs`; one more and the supervisor itself fails. @default 1 */
  readonly intensity?: number
  /** @default 5_000 */
  readonly periodMs?: number
  /** In the order they start; they stop in reverse. */
  readonly children: readonly ChildSpec[]
  /** Under its own supervisor. @default 'permanent' */
  readonly restart?: RestartType
}

export type ChildSpec = WorkerSpec | SupervisorSpec

/**
 * `waiting`: not started yet; `crashed`: seen, its supervisor has not dealt with it yet; `restarting`: its last start failed, the
 * next is due; `ended`: by itself, or on request, and not to be started again by itself; `absent`: there is nothing to run.
 */
export type ChildState = 'waiting' | 'starting' | 'running' | 'crashed' | 'restarting' | 'stopping' | 'ended' | 'absent'

/** A child as `vsmcp status --tree` shows it. */
export interface TreeEntry extends Inspection {
  readonly id: string
  readonly state: ChildState
  readonly restart: RestartType
  /** Times it was started again, for its own or another's crash, since its supervisor was made. */
  readonly restarts: number
  /** Why it crashed, did not start or did not stop last. */
  readonly lastError?: string
}

/** What happened under a supervisor; `path` leads from the root to the child, the child included. */
export interface SupervisionEvent {
  /**
   * `abandoned`: it did not stop within its deadline and may still hold things; `gave-up`: a supervisor failed, because its
   * children were restarted too often or one of them could not be.
   */
  readonly type: 'crashed' | 'ended' | 'restarted' | 'start-failed' | 'stop-failed' | 'abandoned' | 'gave-up'
  readonly path: readonly string[]
  readonly error?: unknown
}
