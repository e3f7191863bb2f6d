import { AsyncLocalStorage } from 'node:async_hooks'
import {
  Actor,
  BusyError,
  type Clock,
  type Inspection,
  type Life,
  type Logger,
  messageOf,
  type Supervised,
  StoppedError,
  type Timer,
  type WorkerSpec,
} from '@vsmcp/kernel'

/** Something a part does in one go. */
export type Work = () => void | Promise<void>

/** What runs now, and all that follows from it: promises, timers. */
const running = new AsyncLocalStorage<Scope>()

export interface ScopeInit {
  /** With it the part is an actor: its timers, and what others `deliver`, wait for their turn, so many of them at most. */
  readonly mailboxMax?: number
}

export interface ScopeComponents {
  clock: Clock
  logger: Logger
}

/**
 * Where the doings of one part run, so that a fault nobody catches is the crash of that part and of no other: what its timers or
 * its messages throw, and promises made there that reject unheard, end its life, and its supervisor begins another.
 */
export class Scope {
  readonly name: string
  /** The clock that the part is given. */
  readonly clock: Clock
  readonly #mailboxMax: number | undefined
  readonly #logger: Logger
  #actor: Actor<Work, unknown> | undefined
  #life: Life | undefined
  #lastCrash: unknown
  #hasLived = false
  #hasCrashed = false

  constructor(name: string, { mailboxMax }: ScopeInit, { clock, logger }: ScopeComponents) {
    this.name = name
    this.#mailboxMax = mailboxMax
    this.#logger = logger
    this.clock = {
      wallMs: () => clock.wallMs(),
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs, fn) => this.#timer(fn, (tick) => clock.after(delayMs, tick)),
      every: (periodMs, fn) => this.#timer(fn, (tick) => clock.every(periodMs, tick)),
    }
  }

  /** Its present life has crashed, or its last one: what it knows may be what it crashed over. */
  get hasCrashed(): boolean {
    return this.#hasCrashed
  }

  /** Where an error that nobody caught comes from; asked in the handler of that error. */
  static current(): Scope | undefined {
    return running.getStore()
  }

  /**
   * Puts work into the part's mailbox: it is done after what was delivered before, and what it throws is the part's crash.
   * @returns false when it was not taken: the part does not run, or its mailbox is full, which is counted
   */
  deliver(work: Work): boolean {
    return this.#tell((actor) => actor.tell(work))
  }

  /** Before all that waits there and is not urgent: for alerts. */
  deliverUrgent(work: Work): boolean {
    return this.#tell((actor) => actor.tellUrgent(work))
  }

  /**
   * The same source, whose events wait in the part's mailbox: heard one at a time, between its ticks, and what the listener throws is
   * the crash of the part, not a line in the source's log.
   */
  hears<T extends object>(source: T, { isUrgent = false } = {}): T {
    const deliver = (work: Work): boolean => (isUrgent ? this.deliverUrgent(work) : this.deliver(work))
    return new Proxy(source, {
      get: (target, key) => {
        const member: unknown = Reflect.get(target, key, target)
        if (typeof member !== 'function') return member
        if (key !== 'on') return member.bind(target) as unknown
        return (event: unknown, listener: (payload: unknown) => void): unknown =>
          Reflect.apply(member, target, [event, (payload: unknown) => deliver(() => listener(payload))])
      },
    })
  }

  /** Asks the part something in the turn of who asks, who is not to suffer from its faults: what it throws is its crash. */
  asked<T>(question: () => T): T | undefined {
    try {
      return running.run(this, question)
    } catch (error) {
      if (this.crash(error)) return undefined
      throw error
    }
  }

  /** @returns false when no supervisor looks after this part: then it is the process that has failed */
  crash(error: unknown): boolean {
    this.#lastCrash = error
    this.#hasCrashed = true
    if (this.#life === undefined) {
      if (this.#hasLived) this.#logger.error({ part: this.name, error: messageOf(error) }, 'an error of a part that has stopped')
      return this.#hasLived
    }
    this.#life.exit(error ?? new Error('nothing was thrown'))
    return true
  }

  /** Puts the part under a supervisor. It is started again after a crash, once it has stopped, and must be able to. */
  child(part: Supervised): WorkerSpec {
    const start = (): Promise<void> => running.run(this, () => part.start())
    return this.#spec(start, part)
  }

  /** For a part that cannot be started again in this process: its crash is one of the process. */
  onlyOnce(part: Supervised): WorkerSpec {
    const start = async (): Promise<void> => {
      if (this.#hasLived) {
        const why = this.#lastCrash === undefined ? '' : `: ${messageOf(this.#lastCrash)}`
        throw new StoppedError(`${this.name} cannot be started again in this process${why}`, { cause: this.#lastCrash })
      }
      await running.run(this, () => part.start())
    }
    return this.#spec(start, part)
  }

  #spec(start: () => Promise<void>, part: Supervised): WorkerSpec {
    const { name } = this
    const stop = async (): Promise<void> => {
      try {
        await running.run(this, () => part.stop())
      } finally {
        this.#life = undefined
      }
    }
    const inspect = (): Inspection => part.inspect?.() ?? {}
    const begin = (life: Life): (() => Promise<void>) => {
      return async () => {
        this.#life = life
        this.#hasCrashed = false
        await start()
        this.#hasLived = true
      }
    }
    if (this.#mailboxMax === undefined) {
      return { id: name, mustStopFirst: true, child: (life) => ({ start: begin(life), stop, inspect }) }
    }
    this.#actor = new Actor<Work, unknown>({
      name,
      mailboxMax: this.#mailboxMax,
      whenFull: 'refuse',
      behave: (life) => ({
        start: begin(life),
        stop,
        handle: (work) => running.run(this, () => this.#handled(work)),
        inspect,
      }),
    })
    return this.#actor.spec({ mustStopFirst: true })
  }

  /** What it throws is the actor's crash. */
  async #handled(work: Work): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#hasCrashed = true
      throw error
    }
  }

  #tell(put: (actor: Actor<Work, unknown>) => void): boolean {
    if (this.#actor === undefined) return false
    try {
      put(this.#actor)
      return true
    } catch (error) {
      if (error instanceof BusyError || error instanceof StoppedError) return false
      throw error
    }
  }

  #timer(fn: () => void, begin: (tick: () => void) => Timer): Timer {
    let isCancelled = false
    let waits = false
    const tick = (): void => {
      if (this.#mailboxMax === undefined) {
        this.#guarded(fn)
        return
      }
      // Ticks of one timer do not pile up behind a long message.
      if (waits) return
      waits = this.deliver(() => {
        waits = false
        if (!isCancelled) fn()
      })
    }
    const timer = begin(tick)
    return {
      cancel: () => {
        isCancelled = true
        timer.cancel()
      },
    }
  }

  #guarded(fn: () => void): void {
    try {
      running.run(this, fn)
    } catch (error) {
      if (!this.crash(error)) throw error
    }
  }
}
