import { Emitter, type GroupId, messageOf, type Startable, type TreeEntry } from '@vsmcp/kernel'
import { SEATS_MAX } from '../constants.ts'
import { RefusedError } from '../errors.ts'
import { Seat, type SeatComponents } from './seat.ts'
import { removeSeat, seatsIn } from './seat-directory.ts'

export type SeatsComponents = Omit<SeatComponents, 'onChanged' | 'onRemoved'>

interface Events extends Record<string, unknown> {
  changed: undefined
}

/** The seats of a node in groups beside its home group. */
export class Seats implements Startable {
  readonly #c: SeatsComponents
  readonly #seats = new Map<GroupId, Seat>()
  readonly #events: Emitter<Events>
  #isStopped = false

  constructor(components: SeatsComponents) {
    this.#c = components
    const { logger } = components
    this.#events = new Emitter((error) => logger.error({ error: messageOf(error) }, 'a listener of seats failed'))
  }

  /** Those of the data directory; one that does not begin holds up neither the others nor the node. */
  async start(): Promise<void> {
    const groups = await seatsIn(this.#c.init.dataDir)
    await Promise.all(groups.slice(0, SEATS_MAX).map((group) => this.open(group)))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    const ended = await Promise.allSettled(this.list().map((seat) => seat.end()))
    const errors = ended.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
    if (errors.length > 0) throw new AggregateError(errors, messageOf(errors[0]))
  }

  /** Each hands over what it leads, and takes nothing new. */
  async drain(): Promise<void> {
    await Promise.all(this.list().map((seat) => seat.drain()))
  }

  /** Throws `RefusedError` when the node has as many as it can. */
  assertRoom(): void {
    if (this.#seats.size < SEATS_MAX) return
    throw new RefusedError(`this node has ${SEATS_MAX} seats already, the most one node can have`, {
      hint: 'Do it on another node.',
    })
  }

  /** The directory of the seat is enrolled. Resolves when it runs, or is to be tried again. */
  async open(group: GroupId): Promise<void> {
    if (this.#isStopped || this.#seats.has(group)) return
    const seat = new Seat(group, {
      ...this.#c,
      onChanged: () => this.#events.emit('changed', undefined),
      onRemoved: () => this.#removed(group),
    })
    this.#seats.set(group, seat)
    await seat.begin()
  }

  /** It is over, and nothing of it is kept. */
  async forget(group: GroupId): Promise<void> {
    const seat = this.#seats.get(group)
    this.#seats.delete(group)
    try {
      await seat?.end()
    } finally {
      await removeSeat(this.#c.init.dataDir, group)
      this.#events.emit('changed', undefined)
    }
  }

  get(group: GroupId): Seat | undefined {
    return this.#seats.get(group)
  }

  list(): readonly Seat[] {
    return [...this.#seats.values()]
  }

  tree(): TreeEntry[] {
    return this.list().flatMap((seat) => seat.inspect() ?? [])
  }

  on<K extends keyof Events & string>(event: K, listener: (payload: Events[K]) => void): () => void {
    return this.#events.on(event, listener)
  }

  /** Without having asked for it. */
  #removed(group: GroupId): void {
    const { logger } = this.#c
    if (this.#seats.get(group)?.parts?.departure.isLeaving === true) return
    logger.warn({ group }, 'a group has taken this node off its list: its seat there ends')
    this.forget(group).catch((error: unknown) => logger.error({ group, error: messageOf(error) }, 'a seat did not end in order'))
  }
}
