import type { Clock } from '../clock.ts'
import { within } from '../deadline.ts'
import { messageOf } from '../errors.ts'
import type { ChildState, Life, RestartType, Supervised, SupervisionEvent, TreeEntry } from './child.ts'

export interface PlaceInit {
  readonly id: string
  readonly restart: RestartType
  readonly make: (life: Life) => Supervised | undefined
  /** It is the same component that lives again, and it can only once it has stopped. */
  readonly mustStopFirst: boolean
  readonly startDeadlineMs: number
  readonly stopDeadlineMs: number
}

export interface PlaceComponents {
  readonly clock: Clock
  readonly onEvent: (type: SupervisionEvent['type'], error?: unknown) => void
  /** A life ended by itself. Not called for one that is being stopped. */
  readonly onExit: (life: ChildLife) => void
}

/** One life of a child. */
export class ChildLife implements Life {
  readonly checkpoint: unknown
  readonly #save: (checkpoint: unknown) => void
  readonly #onExit: (life: ChildLife) => void
  /** Rejects when it crashes while it starts. */
  readonly crashed = Promise.withResolvers<never>()
  component: Supervised | undefined
  /** How it ended by itself. */
  end: { error?: unknown } | undefined
  isStopping = false

  constructor(checkpoint: unknown, save: (checkpoint: unknown) => void, onExit: (life: ChildLife) => void) {
    this.checkpoint = checkpoint
    this.#save = save
    this.#onExit = onExit
    this.crashed.promise.catch(() => {})
  }

  get isCrashed(): boolean {
    return this.end?.error !== undefined
  }

  readonly exit = (error?: unknown): void => {
    if (this.end !== undefined || this.isStopping) return
    this.end = error === undefined ? {} : { error }
    if (error !== undefined) this.crashed.reject(error)
    this.#onExit(this)
  }

  readonly save = (checkpoint: unknown): void => {
    if (this.end === undefined && !this.isStopping) this.#save(structuredClone(checkpoint))
  }
}

/** One place under a supervisor: begins and ends the lives of its child, one after the other. */
export class Place {
  readonly init: PlaceInit
  readonly #c: PlaceComponents
  #state: ChildState = 'waiting'
  #life: ChildLife | undefined
  #lives = 0
  #lastError: string | undefined
  #checkpoint: unknown

  constructor(init: PlaceInit, components: PlaceComponents) {
    this.init = init
    this.#c = components
  }

  get state(): ChildState {
    return this.#state
  }

  get isAlive(): boolean {
    return this.#life !== undefined
  }

  isLiving(life: ChildLife): boolean {
    return this.#life === life && !life.isStopping
  }

  /** Throws what the child fails with; what stood of it has been stopped then. */
  async begin(): Promise<void> {
    const { id, make, startDeadlineMs } = this.init
    const { clock, onEvent } = this.#c
    const life = new ChildLife(
      this.#checkpoint,
      (checkpoint) => (this.#checkpoint = checkpoint),
      (ended) => this.#exited(ended),
    )
    this.#state = 'starting'
    this.#life = life
    try {
      life.component = make(life)
      if (life.component === undefined) {
        this.#life = undefined
        this.#state = 'absent'
        return
      }
      await within(clock, startDeadlineMs, Promise.race([life.component.start(), life.crashed.promise]), `starting ${id}`)
      // In the very turn in which it stood.
      if (life.end !== undefined && life.isCrashed) throw life.end.error
      // One that was done before it stood counts as running until its end is dealt with.
      this.#state = 'running'
    } catch (error) {
      this.#lastError = messageOf(error)
      onEvent('start-failed', error)
      await this.stop()
      this.#state = 'restarting'
      throw error
    }
    if (this.#lives++ > 0) onEvent('restarted')
  }

  /**
   * Ends the life there is. What goes wrong is told and returned, never thrown.
   * @returns `isAbandoned`: it did not stop in time, and nobody knows what it still does
   */
  async stop(): Promise<{ isAbandoned: boolean; error?: unknown }> {
    const life = this.#life
    if (life === undefined) {
      this.#state = 'ended'
      return { isAbandoned: false }
    }
    life.isStopping = true
    this.#state = 'stopping'
    try {
      if (life.component !== undefined) await this.#stopWithin(life.component)
      return { isAbandoned: false }
    } catch (error) {
      const isOverdue = error instanceof StopOverdueError
      const cause = isOverdue ? error.cause : error
      this.#lastError = messageOf(cause)
      this.#c.onEvent(isOverdue ? 'abandoned' : 'stop-failed', cause)
      return { isAbandoned: isOverdue || cause instanceof AbandonedBelowError, error: cause }
    } finally {
      this.#life = undefined
      this.#state = 'ended'
    }
  }

  view(): TreeEntry {
    const { id, restart } = this.init
    return {
      id,
      state: this.#state,
      restart,
      restarts: Math.max(0, this.#lives - 1),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      ...this.#life?.component?.inspect?.(),
    }
  }

  async #stopWithin(component: Supervised): Promise<void> {
    const { id, stopDeadlineMs } = this.init
    let isOver = false
    const work = component.stop().finally(() => (isOver = true))
    try {
      await within(this.#c.clock, stopDeadlineMs, work, `stopping ${id}`)
    } catch (error) {
      if (isOver) throw error
      // Nobody waits any more for how it ends.
      work.catch(() => {})
      throw new StopOverdueError(error)
    }
  }

  #exited(life: ChildLife): void {
    if (this.#life !== life) return
    if (life.isCrashed) {
      this.#lastError = messageOf(life.end?.error)
      // While it starts, its start fails.
      if (this.#state === 'starting') return
      this.#state = 'crashed'
    }
    this.#c.onEvent(life.isCrashed ? 'crashed' : 'ended', life.end?.error)
    this.#c.onExit(life)
  }
}

/** A supervisor stopped, but below it something did not that must have before it can be started again. */
export class AbandonedBelowError extends AggregateError {}

/** Carries the `TimeoutError` of a stop, to be told from one that the child's own `stop` throws. */
class StopOverdueError extends Error {
  constructor(cause: unknown) {
    super('stopping took too long', { cause })
  }
}
