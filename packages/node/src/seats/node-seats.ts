import { type Clock, type Logger, type Random, type Startable, type SupervisionEvent, type TreeEntry } from '@vsmcp/kernel'
import type { Identity } from '@vsmcp/security'
import type { NodeInit } from '../node-init.ts'
import type { Parts } from '../parts.ts'
import { AlertsAcross } from '../recursion/alerts-across.ts'
import { type GroupLists, membershipOf } from '../recursion/memberships.ts'
import { PlaceTelling } from '../recursion/place-telling.ts'
import { Ties } from '../recursion/ties.ts'
import { Founding } from './founding.ts'
import { GroupDesk } from './group-desk.ts'
import { Seats } from './seats.ts'

export interface NodeSeatsComponents {
  init: NodeInit
  identity: Identity
  home: Parts
  homeLists: GroupLists
  clock: Clock
  random: Random
  logger: Logger
  onEvent: (event: SupervisionEvent) => void
}

/** All that makes a node of one group one of several: its seats, what ties their groups together, and how people ask for groups. */
export class NodeSeats implements Startable {
  readonly desk: GroupDesk
  readonly #seats: Seats
  readonly #ties: Ties
  readonly #alerts: AlertsAcross
  readonly #placeTelling: PlaceTelling
  readonly #c: NodeSeatsComponents

  constructor(components: NodeSeatsComponents) {
    this.#c = components
    const { init, identity, home, clock, random, logger } = components
    const { dataDir } = init
    const { memberships, hostMesh } = home
    this.#seats = new Seats({ ...components, host: home })
    this.#ties = new Ties({ self: identity.peerId, memberships, clock, random, logger })
    this.#alerts = new AlertsAcross({ self: identity.peerId, memberships, clock, logger })
    this.#placeTelling = new PlaceTelling({ self: identity.peerId, memberships, clock, random, logger })
    this.desk = new GroupDesk({
      self: identity.peerId,
      memberships,
      seats: this.#seats,
      ties: this.#ties,
      founding: new Founding({ dataDir, identity, clock, logger }),
      joining: { dataDir, identity, mesh: hostMesh.mesh, shown: () => hostMesh.shown(), clock, logger },
      clock,
      logger,
    })
    memberships.serve(this.desk)
  }

  /** The home group runs. */
  async start(): Promise<void> {
    const { home, homeLists } = this.#c
    const { groupId } = home.trust.enrolment
    home.memberships.began(membershipOf(groupId, home, { isHome: true, lists: homeLists }))
    await this.#seats.start()
    await this.#ties.start()
    await this.#placeTelling.start()
    await this.#alerts.start()
  }

  async stop(): Promise<void> {
    await this.#alerts.stop()
    await this.#placeTelling.stop()
    await this.#ties.stop()
    this.#c.home.memberships.ended(this.#c.home.trust.enrolment.groupId)
    await this.#seats.stop()
  }

  /** Leadership of each group goes to others. */
  drain(): Promise<void> {
    return this.#seats.drain()
  }

  tree(): TreeEntry[] {
    return this.#seats.tree()
  }

  onChange(listener: () => void): () => void {
    return this.#seats.on('changed', listener)
  }
}
