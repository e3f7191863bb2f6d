import type { Clock } from '../clock.ts'
import { InvalidArgumentError, messageOf, StoppedError } from '../errors.ts'
import type { ChildSpec, Inspection, Strategy, Supervised, SupervisionEvent, SupervisorSpec, TreeEntry } from './child.ts'
import { SupervisorFailedError } from './errors.ts'
import { AbandonedBelowError, type ChildLife, Place, type PlaceInit } from './place.ts'
import { RestartWindow } from './restart-window.ts'

/** OTP's own defaults. */
const INTENSITY = 1
const PERIOD_MS = 5_000

export interface SupervisorDeadlines {
  /** @default 10_000 */
  readonly startMs?: number
  /** @default 10_000 */
  readonly stopMs?: number
}

/** Allowed to each start and each stop of a worker, unless its spec says otherwise, milliseconds: a disk that is busy, a server that drains. */
const DEADLINE_MS = 10_000

export interface SupervisorComponents {
  clock: Clock
  /** Told what happens below, by this supervisor and by those under it. */
  onEvent?: (event: SupervisionEvent) => void
  /** Called when it gives up; everything below has been stopped then. */
  onFailed?: (error: SupervisorFailedError) => void
  deadlines?: SupervisorDeadlines
  /** Where it stands, from the root. @default [its id] */
  path?: readonly string[]
}

/**
 * Keeps its children alive by starting them again, as OTP's `supervisor` does. What happens is dealt with one by one: a start, a
 * crash, a stop each see the children as the one before left them.
 */
export class Supervisor implements Supervised {
  readonly #spec: SupervisorSpec
  readonly #c: SupervisorComponents
  readonly #path: readonly string[]
  readonly #strategy: Strategy
  readonly #window: RestartWindow
  #places: Place[]
  #queue: Promise<unknown> = Promise.resolve()
  #isStarted = false
  /** No child is started any more. */
  #isEnding = false
  #lastError: unknown
  /** Something that can live again only once it has stopped did not stop. */
  #isAbandoned = false

  constructor(spec: SupervisorSpec, components: SupervisorComponents) {
    const { id, strategy = 'one_for_one', intensity = INTENSITY, periodMs = PERIOD_MS, children } = spec
    if (!(intensity >= 0) || !(periodMs > 0)) {
      throw new InvalidArgumentError(`supervisor ${id} cannot allow ${intensity} restarts in ${periodMs} ms`)
    }
    this.#spec = spec
    this.#c = components
    this.#path = components.path ?? [id]
    this.#strategy = strategy
    this.#window = new RestartWindow(intensity, periodMs)
    this.#places = children.map((child) => this.#place(child))
    const ids = new Set(children.map((child) => child.id))
    if (ids.size < children.length) throw new InvalidArgumentError(`two children of supervisor ${id} have one id`)
  }

  /** Starts the children in order. When one does not start, those that stand are stopped before its error is thrown on. */
  async start(): Promise<void> {
    if (this.#isStarted) throw new InvalidArgumentError(`supervisor ${this.#spec.id} starts once`)
    this.#isStarted = true
    await this.#inTurn(async () => {
      try {
        for (const place of this.#places) {
          this.#mustGoOn()
          await place.begin()
        }
      } catch (error) {
        this.#isEnding = true
        await this.#stopAll()
        throw error
      }
    })
  }

  /** Stops the children in reverse. Errors are collected, the rest is stopped all the same. */
  async stop(): Promise<void> {
    this.#isEnding = true
    const { errors, isAbandoned } = await this.#inTurn(() => this.#stopAll())
    const message = 'some components did not stop in order'
    if (isAbandoned) throw new AbandonedBelowError(errors, message)
    if (errors.length > 0) throw new AggregateError(errors, message)
  }

  /** Adds a child after the others and starts it; when it does not start it is not kept. */
  async startChild(spec: ChildSpec): Promise<void> {
    await this.#inTurn(async () => {
      this.#mustGoOn()
      if (this.#find(spec.id) !== undefined) {
        throw new InvalidArgumentError(`supervisor ${this.#spec.id} has a child ${spec.id} already`)
      }
      const place = this.#place(spec)
      this.#places.push(place)
      try {
        await place.begin()
      } catch (error) {
        this.#forget(place)
        throw error
      }
    })
  }

  /** Stops a child. Its place is kept, for `restartChild` or another child's crash that concerns it; that of a temporary one is not. */
  async terminateChild(id: string): Promise<void> {
    await this.#inTurn(async () => {
      const place = this.#require(id)
      await place.stop()
      if (place.init.restart === 'temporary') this.#forget(place)
    })
  }

  /** Starts a child that ended or was terminated. */
  async restartChild(id: string): Promise<void> {
    await this.#inTurn(async () => {
      this.#mustGoOn()
      const place = this.#require(id)
      if (place.isAlive || place.state === 'restarting') throw new InvalidArgumentError(`child ${id} is ${place.state}`)
      await place.begin()
    })
  }

  /** Forgets a child that does not run. */
  async deleteChild(id: string): Promise<void> {
    await this.#inTurn(async () => {
      const place = this.#require(id)
      if (place.isAlive || place.state === 'restarting') throw new InvalidArgumentError(`child ${id} is ${place.state}`)
      this.#forget(place)
    })
  }

  inspect(): Inspection & { readonly children: readonly TreeEntry[] } {
    return { strategy: this.#strategy, children: this.#places.map((place) => place.view()) }
  }

  #place(spec: ChildSpec): Place {
    const onEvent = (type: SupervisionEvent['type'], error?: unknown): void => this.#tell(type, [...this.#path, spec.id], error)
    const place: Place = new Place(this.#placeInit(spec), {
      clock: this.#c.clock,
      onEvent,
      onExit: (life) => void this.#inTurn(() => this.#exited(place, life)),
    })
    return place
  }

  #placeInit(spec: ChildSpec): PlaceInit {
    const { id, restart = 'permanent' } = spec
    const { deadlines } = this.#c
    if ('children' in spec) {
      // Each worker below has its own deadline: a subtree is given the time that these take.
      const forAsLongAsItTakes = Number.POSITIVE_INFINITY
      return {
        id,
        restart,
        make: (life) => new Supervisor(spec, { ...this.#c, path: [...this.#path, id], onFailed: life.exit }),
        mustStopFirst: true,
        startDeadlineMs: forAsLongAsItTakes,
        stopDeadlineMs: forAsLongAsItTakes,
      }
    }
    const { child, mustStopFirst = typeof child !== 'function' } = spec
    return {
      id,
      restart,
      make: typeof child === 'function' ? child : () => child,
      mustStopFirst,
      startDeadlineMs: spec.startDeadlineMs ?? deadlines?.startMs ?? DEADLINE_MS,
      stopDeadlineMs: spec.stopDeadlineMs ?? deadlines?.stopMs ?? DEADLINE_MS,
    }
  }

  async #exited(place: Place, life: ChildLife): Promise<void> {
    if (this.#isEnding || !place.isLiving(life)) return
    const { restart } = place.init
    if (restart === 'permanent' || (restart === 'transient' && life.isCrashed)) {
      this.#lastError = life.end?.error
      return this.#restart(place)
    }
    await place.stop()
    if (restart === 'temporary') this.#forget(place)
  }

  async #restart(cause: Place): Promise<void> {
    if (!this.#window.add(this.#c.clock.monotonicMs())) return this.#giveUp(`restarting ${cause.init.id} once more`)
    const concerned = this.#concerned(cause)
    for (const place of concerned.toReversed()) {
      const { isAbandoned } = await place.stop()
      // Two lives of one component at a time: nothing short of the end of the process ends the first.
      if (isAbandoned && place.init.mustStopFirst) {
        this.#isAbandoned = true
        return this.#giveUp(`restarting ${place.init.id}, which did not stop`)
      }
      if (place.init.restart === 'temporary') this.#forget(place)
    }
    for (const place of concerned) {
      if (place.init.restart === 'temporary') continue
      if (this.#isEnding) return
      try {
        await place.begin()
      } catch (error) {
        this.#lastError = error
        // What came meanwhile goes first; then it is tried again, and counted again.
        void this.#inTurn(async () => {
          if (!this.#isEnding && place.state === 'restarting') await this.#restart(place)
        })
        return
      }
    }
  }

  #concerned(cause: Place): Place[] {
    if (this.#strategy === 'one_for_one') return [cause]
    return this.#strategy === 'one_for_all' ? [...this.#places] : this.#places.slice(this.#places.indexOf(cause))
  }

  async #giveUp(what: string): Promise<void> {
    this.#isEnding = true
    const { id, intensity = INTENSITY, periodMs = PERIOD_MS } = this.#spec
    const why = this.#lastError === undefined ? 'it ended' : messageOf(this.#lastError)
    const error = new SupervisorFailedError(
      `supervisor ${id} gave up ${what} (it allows ${intensity} restarts within ${periodMs} ms): ${why}`,
      {
        hint: 'The cause is in the log of the node; what is above the supervisor is restarted, in the end the node itself.',
        cause: this.#lastError,
      },
    )
    this.#tell('gave-up', this.#path, error)
    await this.#stopAll()
    this.#c.onFailed?.(error)
  }

  async #stopAll(): Promise<{ errors: unknown[]; isAbandoned: boolean }> {
    const errors: unknown[] = []
    for (const place of this.#places.toReversed()) {
      const outcome = await place.stop()
      if ('error' in outcome) errors.push(outcome.error)
      if (outcome.isAbandoned && place.init.mustStopFirst) this.#isAbandoned = true
    }
    return { errors, isAbandoned: this.#isAbandoned }
  }

  #mustGoOn(): void {
    if (this.#isEnding) throw new StoppedError(`supervisor ${this.#spec.id} is stopping`)
  }

  #find(id: string): Place | undefined {
    return this.#places.find(({ init }) => init.id === id)
  }

  #require(id: string): Place {
    const place = this.#find(id)
    if (place === undefined) throw new InvalidArgumentError(`supervisor ${this.#spec.id} has no child ${id}`)
    return place
  }

  #forget(place: Place): void {
    this.#places = this.#places.filter((each) => each !== place)
  }

  #tell(type: SupervisionEvent['type'], path: readonly string[], error?: unknown): void {
    this.#c.onEvent?.(error === undefined ? { type, path } : { type, path, error })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#queue.then(work)
    this.#queue = mine.catch(() => {})
    return mine
  }
}
