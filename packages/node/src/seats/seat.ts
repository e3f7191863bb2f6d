import {
  backoffMs,
  type Clock,
  type GroupId,
  type Logger,
  messageOf,
  type Random,
  type SupervisionEvent,
  Supervisor,
  systemClock,
  type Timer,
  type TreeEntry,
} from '@vsmcp/kernel'
import type { Identity } from '@vsmcp/security'
import { openStore, type Store } from '@vsmcp/store'
import { assembleSeat } from '../assemble.ts'
import {
  LIFECYCLE_DEADLINE_MS,
  ROOT_RESTARTS,
  ROOT_RESTARTS_PERIOD_MS,
  SEAT_RETRY_BASE_MS,
  SEAT_RETRY_MAX_MS,
} from '../constants.ts'
import { requireEnrolment } from '../enrol/enrolment.ts'
import { factsOf, groupViews } from '../control/group-views.ts'
import { type GroupLists, membershipOf } from '../recursion/memberships.ts'
import type { NodeInit } from '../node-init.ts'
import type { GroupParts, HostParts, Parts } from '../parts.ts'
import { systemsOfSeat } from '../tree/node-tree.ts'
import { Scopes } from '../tree/scopes.ts'
import { Wiring } from '../wiring.ts'
import { seatDirectory } from './seat-directory.ts'

export interface SeatComponents {
  init: NodeInit
  identity: Identity
  host: HostParts
  /** The home group's life, which is that of the process. */
  home: Pick<Parts, 'lives' | 'trust'>
  /** Of the parts; who looks after them goes by the system's. */
  clock: Clock
  random: Random
  logger: Logger
  onEvent: (event: SupervisionEvent) => void
  onChanged: () => void
  /** The group has taken this node off its list. */
  onRemoved: () => void
}

interface Life {
  readonly store: Store
  readonly parts: GroupParts
  readonly tree: Supervisor
  readonly lists: GroupLists
}

/**
 * A membership of this node in a group beside its home group: its own log, trust, document and systems, from a directory of its own, under a
 * supervisor of its own. What it cannot heal by itself ends it, and not the process: it begins anew after a pause, with everything made again.
 */
export class Seat {
  readonly group: GroupId
  readonly #c: SeatComponents
  readonly #logger: Logger
  #life: Life | undefined
  #turn: Promise<void> = Promise.resolve()
  #failures = 0
  #lastError: unknown
  #timer: Timer | undefined
  #isOver = false

  constructor(group: GroupId, components: SeatComponents) {
    this.group = group
    this.#c = components
    this.#logger = components.logger.child({ seat: group })
  }

  get parts(): GroupParts | undefined {
    return this.#life?.parts
  }

  /** Why it does not run now, for people; undefined while it does. */
  get problem(): string | undefined {
    return this.#life === undefined && this.#lastError !== undefined ? messageOf(this.#lastError) : undefined
  }

  inspect(): TreeEntry | undefined {
    const tree = this.#life?.tree
    if (tree === undefined) return undefined
    return { id: this.group, state: 'running', restart: 'permanent', restarts: 0, ...tree.inspect() }
  }

  /** Never rejects: a seat that does not begin is tried again. */
  begin(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isOver || this.#life !== undefined) return
      try {
        this.#life = await this.#begin()
        this.#lastError = undefined
        const { parts, lists } = this.#life
        this.#c.host.memberships.began(membershipOf(this.group, parts, { isHome: false, lists }))
        this.#logger.info({}, 'the seat is up')
      } catch (error) {
        this.#tryAgain(error)
      }
      this.#c.onChanged()
    })
  }

  /** For good in this process. Throws when something did not stop in order. */
  end(): Promise<void> {
    this.#isOver = true
    this.#timer?.cancel()
    return this.#inTurn(() => this.#stop())
  }

  /** Nothing new is begun here, and another voter leads. */
  async drain(): Promise<void> {
    if (this.#life === undefined) return
    const { router, departure, duties } = this.#life.parts
    router.close()
    await duties.stop()
    await departure.handOver()
  }

  async #begin(): Promise<Life> {
    const { init, identity, host, home, clock, onEvent } = this.#c
    const dataDir = seatDirectory(init.dataDir, this.group)
    const enrolled = await requireEnrolment(dataDir)
    const enrolment = { ...enrolled, name: home.trust.enrolment.name }
    const logger = this.#logger
    const store = await openStore({ dir: dataDir, create: false })({ clock, logger })
    const scopes = new Scopes(clock, logger)
    const { capacity: _, ...rest } = init
    const ground = { init: { ...rest, dataDir }, identity, enrolment, store, clock, scopes, logger, life: () => home.lives.own }
    const parts = assembleSeat(ground, host)
    const tree = new Supervisor(
      { id: this.group, intensity: ROOT_RESTARTS, periodMs: ROOT_RESTARTS_PERIOD_MS, children: systemsOfSeat(parts, scopes) },
      {
        clock: systemClock,
        deadlines: { startMs: LIFECYCLE_DEADLINE_MS, stopMs: LIFECYCLE_DEADLINE_MS },
        onEvent,
        onFailed: (error) => void this.#failed(error),
        path: ['node', 'seats', this.group],
      },
    )
    const { lists } = groupViews(parts, { facts: factsOf(init), mcpUrl: () => '', crashes: () => [], logger })
    const life = { store, parts, tree, lists }
    try {
      const wiring = new Wiring(parts, logger)
      wiring.on('changed', () => this.#c.onChanged())
      wiring.on('removed', () => this.#c.onRemoved())
      await tree.start()
      wiring.started()
      return life
    } catch (error) {
      await this.#close(life)
      throw error
    }
  }

  /** Its supervisor gave up. */
  #failed(error: unknown): Promise<void> {
    return this.#inTurn(async () => {
      // What failed may well fail to stop; what it held is let go of all the same.
      await this.#stop().catch((failure: unknown) =>
        this.#logger.error({ error: messageOf(failure) }, 'a seat that failed did not stop in order'),
      )
      this.#tryAgain(error)
      this.#c.onChanged()
    })
  }

  #tryAgain(error: unknown): void {
    this.#lastError = error
    if (this.#isOver) return
    const delay = backoffMs(this.#failures++, this.#c.random, { baseMs: SEAT_RETRY_BASE_MS, maxMs: SEAT_RETRY_MAX_MS })
    this.#logger.error({ error: messageOf(error), againInMs: Math.round(delay) }, 'a seat does not run; it is tried again')
    this.#timer = systemClock.after(delay, () => void this.begin())
  }

  async #stop(): Promise<void> {
    const life = this.#life
    if (life === undefined) return
    this.#life = undefined
    this.#c.host.memberships.ended(this.group)
    await this.#close(life)
  }

  async #close({ store, parts, tree }: Life): Promise<void> {
    const errors: unknown[] = []
    // What never started holds its place on the connections all the same.
    for (const work of [() => tree.stop(), () => parts.mesh.stop(), () => parts.trust.settled(), () => store.stop()]) {
      try {
        await work()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0)
      throw new AggregateError(errors, `the seat in ${this.group} did not stop in order: ${messageOf(errors[0])}`)
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(work, work)
    this.#turn = mine.catch(() => {})
    return mine
  }
}
