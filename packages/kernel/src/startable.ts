import type { Clock } from './clock.ts'
import { within } from './deadline.ts'

/** A component with a life. After `start` resolves it does its whole work; after `stop` resolves it holds nothing. */
export interface Startable {
  start(): Promise<void>
  stop(): Promise<void>
}

export interface Named<T> {
  name: string
  component: T
}

/**
 * Starts components in the order given and stops them in reverse, each with a deadline. When one fails to start, those
 * already started are stopped before the error is thrown on.
 */
export class Lifecycle {
  readonly #clock: Clock
  readonly #deadlineMs: number
  readonly #started: Named<Startable>[] = []

  constructor(clock: Clock, deadlineMs = 10_000) {
    this.#clock = clock
    this.#deadlineMs = deadlineMs
  }

  async start(name: string, component: Startable): Promise<void> {
    await within(this.#clock, this.#deadlineMs, component.start(), `starting ${name}`)
    this.#started.push({ name, component })
  }

  /** Stops everything, the last started first. Errors are collected, the rest is stopped all the same. */
  async stop(): Promise<void> {
    const errors: unknown[] = []
    for (let entry = this.#started.pop(); entry !== undefined; entry = this.#started.pop()) {
      try {
        await within(this.#clock, this.#deadlineMs, entry.component.stop(), `stopping ${entry.name}`)
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'some components did not stop in order')
  }
}
