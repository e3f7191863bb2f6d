import { BusyError, InvalidArgumentError } from '../errors.ts'
import type { MailboxFigures } from './child.ts'

/** Messages that wait, in two lanes: urgent ones are taken before all ordinary ones. Each lane is bounded. */
export class Mailbox<M> {
  readonly #name: string
  readonly #lengthMax: number
  readonly #whenFull: 'refuse' | 'drop-oldest'
  readonly #urgent = new Lane<M>()
  readonly #ordinary = new Lane<M>()
  #refused = 0
  #dropped = 0

  constructor(name: string, lengthMax: number, whenFull: 'refuse' | 'drop-oldest') {
    if (!(lengthMax >= 1)) throw new InvalidArgumentError(`a mailbox of ${lengthMax} messages is none`)
    this.#name = name
    this.#lengthMax = lengthMax
    this.#whenFull = whenFull
  }

  /** @throws `BusyError` when the lane is full, unless it drops its oldest */
  put(message: M, isUrgent: boolean): void {
    const lane = isUrgent ? this.#urgent : this.#ordinary
    if (lane.length >= this.#lengthMax) {
      if (isUrgent || this.#whenFull === 'refuse') {
        this.#refused++
        throw new BusyError(`${this.#name} has ${lane.length} ${isUrgent ? 'urgent ' : ''}messages waiting and takes no more`, {
          hint: 'Nothing was done. Try again in a moment.',
          details: { actor: this.#name, waiting: lane.length },
        })
      }
      lane.take()
      this.#dropped++
    }
    lane.put(message)
  }

  take(): { message: M } | undefined {
    return this.#urgent.take() ?? this.#ordinary.take()
  }

  /** Whom they waited for is no more. */
  clear(): void {
    this.#dropped += this.length
    this.#urgent.clear()
    this.#ordinary.clear()
  }

  get length(): number {
    return this.#urgent.length + this.#ordinary.length
  }

  get figures(): MailboxFigures {
    return {
      length: this.length,
      lengthMax: this.#lengthMax,
      refused: this.#refused,
      dropped: this.#dropped,
    }
  }
}

/** First in, first out; taking costs the same however many wait. */
class Lane<M> {
  #messages: M[] = []
  #taken = 0

  get length(): number {
    return this.#messages.length - this.#taken
  }

  put(message: M): void {
    this.#messages.push(message)
  }

  take(): { message: M } | undefined {
    if (this.length === 0) return undefined
    const message = this.#messages[this.#taken++] as M
    // What was taken is let go of once it is the larger part.
    if (this.#taken * 2 >= this.#messages.length) {
      this.#messages = this.#messages.slice(this.#taken)
      this.#taken = 0
    }
    return { message }
  }

  clear(): void {
    this.#messages = []
    this.#taken = 0
  }
}
