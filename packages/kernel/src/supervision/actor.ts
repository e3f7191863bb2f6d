import { StoppedError } from '../errors.ts'
import type { Inspection, Life, MailboxFigures, Supervised, WorkerSpec } from './child.ts'
import { Mailbox } from './mailbox.ts'

/** What an actor does in one life. Made anew for each, so that nothing of a crashed one is left. */
export interface Behaviour<M> {
  /** One message at a time. What it throws ends this life: the message is not given again, those that wait are dropped. */
  handle(message: M): void | Promise<void>
  start?(): void | Promise<void>
  stop?(): void | Promise<void>
  /** What it shows besides its mailbox. */
  inspect?(): Inspection
}

export interface ActorInit<M, S> {
  name: string
  /** `life.checkpoint` is what `life.save` kept last in an earlier life. */
  behave: (life: ActorLife<S>) => Behaviour<M>
  /** Messages that may wait, in each of the two lanes. */
  mailboxMax: number
  /**
   * What becomes of an ordinary message that finds its lane full: `refuse` throws `BusyError` at the sender, `drop-oldest` makes room
   * by forgetting the one that waits longest. Both are counted. An urgent message is never dropped for another: it is refused.
   */
  whenFull: 'refuse' | 'drop-oldest'
}

export interface ActorLife<S> {
  readonly checkpoint: S | undefined
  readonly save: (checkpoint: S) => void
  readonly exit: (error?: unknown) => void
}

/**
 * An address with a bounded mailbox, behind it one life after the other: it takes its messages one at a time, urgent ones (alerts)
 * before all that wait in the ordinary lane. Put `spec()` under a supervisor.
 */
export class Actor<M, S = undefined> {
  readonly #init: ActorInit<M, S>
  readonly #mailbox: Mailbox<M>
  #living: ActorTurns<M> | undefined

  constructor(init: ActorInit<M, S>) {
    this.#init = init
    this.#mailbox = new Mailbox(init.name, init.mailboxMax, init.whenFull)
  }

  /** @throws `StoppedError` between lives, `BusyError` at the bound */
  tell(message: M): void {
    this.#put(message, false)
  }

  /** Before all ordinary messages. Throws as `tell`. */
  tellUrgent(message: M): void {
    this.#put(message, true)
  }

  get mailbox(): MailboxFigures {
    return this.#mailbox.figures
  }

  spec(options: Omit<WorkerSpec, 'id' | 'child'> = {}): WorkerSpec {
    return { id: this.#init.name, ...options, child: (life) => this.#live(life) }
  }

  #put(message: M, isUrgent: boolean): void {
    if (this.#living === undefined) throw new StoppedError(`${this.#init.name} takes no messages now`)
    this.#mailbox.put(message, isUrgent)
    this.#living.wake()
  }

  #live(life: Life): Supervised {
    // Nobody else saves to this place.
    const behaviour = this.#init.behave(life as ActorLife<S>)
    const close = (): void => {
      if (this.#living !== turns) return
      this.#living = undefined
      this.#mailbox.clear()
    }
    const turns: ActorTurns<M> = new ActorTurns(this.#mailbox, behaviour, (error) => {
      close()
      life.exit(error)
    })
    return {
      start: async () => {
        await behaviour.start?.()
        this.#living = turns
      },
      stop: async () => {
        close()
        await turns.end()
        await behaviour.stop?.()
      },
      inspect: (): Inspection => ({ ...behaviour.inspect?.(), mailbox: this.mailbox }),
    }
  }
}

/** Takes messages one at a time, as long as its life lasts. */
class ActorTurns<M> {
  readonly #mailbox: Mailbox<M>
  readonly #behaviour: Behaviour<M>
  readonly #onCrash: (error: unknown) => void
  #working: Promise<void> | undefined
  #isOver = false

  constructor(mailbox: Mailbox<M>, behaviour: Behaviour<M>, onCrash: (error: unknown) => void) {
    this.#mailbox = mailbox
    this.#behaviour = behaviour
    this.#onCrash = onCrash
  }

  wake(): void {
    if (this.#isOver || this.#mailbox.length === 0) return
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined
      // One that came after the last was taken.
      this.wake()
    })
  }

  /** Resolves when the message in hand is done with. */
  async end(): Promise<void> {
    this.#isOver = true
    await this.#working
  }

  async #work(): Promise<void> {
    // Never in the turn of the sender.
    await Promise.resolve()
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      try {
        await this.#behaviour.handle(next.message)
      } catch (error) {
        this.#isOver = true
        this.#onCrash(error ?? new Error('a message was answered by throwing nothing'))
      }
    }
  }

  #next(): { message: M } | undefined {
    return this.#isOver ? undefined : this.#mailbox.take()
  }
}
