import type { GroupState } from '@vsmcp/consensus'
import { Emitter, type Logger, messageOf, type PeerIdString, systemClock } from '@vsmcp/kernel'
import type { GroupParts } from './parts.ts'
import { CREDENTIAL_REVOKED, IDENTITY_COPIED, MEMBER_LEFT, TOO_OLD } from './errors.ts'
import { type KnownMember } from './members/members.ts'
import { neededPeers } from './members/needed-peers.ts'
import { SelfDescription } from './members/self-description.ts'
import { NODES_COLLECTION, Whereabouts } from './members/whereabouts.ts'

interface Events extends Record<string, unknown> {
  /** Something a person waits for may be otherwise now. */
  changed: undefined
  /** The group has taken this node off its list. */
  removed: { evicted: boolean }
}

/** What happens in one part of a node and concerns another. */
export class Wiring {
  readonly #parts: GroupParts
  readonly #logger: Logger
  readonly #events: Emitter<Events>
  readonly #description: SelfDescription
  readonly #whereabouts: Whereabouts
  #isFollowing = false
  #isRefreshing = false
  #hasStarted = false
  #peers: readonly KnownMember[] = []
  #described: GroupState['members'] | undefined

  constructor(parts: GroupParts, logger: Logger) {
    this.#parts = parts
    this.#logger = logger
    this.#events = new Emitter((error) => logger.error({ error: messageOf(error) }, 'a listener of the node failed'))
    this.#description = new SelfDescription({ ...parts, clock: systemClock, logger })
    this.#whereabouts = new Whereabouts({ ...parts, logger })
    this.#wireMesh()
    this.#wireGroup()
    this.#wireOffers()
  }

  on<K extends keyof Events & string>(event: K, listener: (payload: Events[K]) => void): () => void {
    return this.#events.on(event, listener)
  }

  /** All parts run: what came before is looked at once more. */
  started(): void {
    const { members, trust } = this.#parts
    this.#hasStarted = true
    // Whom the last life knew; the docket's word comes after and counts.
    if (this.#parts.log.state === undefined) members.reconcile(trust.enrolment.peers)
    this.#followGroup()
    this.#whereabouts.started()
  }

  #wireMesh(): void {
    const { mesh, lives, epochs, log, state, members, operations } = this.#parts
    mesh.on('peer:up', ({ peer, info }) => {
      const failed = (error: unknown): void =>
        this.#logger.error({ peer, error: messageOf(error) }, 'the life of a member is not on disk')
      lives.remember(peer, info.passport.life).catch(failed)
      log.peerUp(peer)
      state.peerUp(peer)
    })
    mesh.on('peer:down', ({ peer }) => {
      log.peerDown(peer)
      state.peerDown(peer)
    })
    mesh.on('peer:refused', ({ peer, side, code, reason }) => {
      if (side !== 'there') return
      if (code === IDENTITY_COPIED && peer !== undefined) lives.refusedBy(peer)
      if (code === MEMBER_LEFT || code === CREDENTIAL_REVOKED)
        this.#logger.error({ peer, code }, 'another member says that this node is none any more')
      else if (code === TOO_OLD) this.#logger.error({ peer, code }, 'this program is too old for the group: update it')
      else this.#logger.warn({ peer, code, reason }, 'a member refused this node')
    })
    mesh.on('duplicate:identity', (duplicate) => {
      this.#logger.error(duplicate, 'two live processes show one identity')
      lives.sawTwice(duplicate.peer)
    })
    lives.on('alert', () => this.#changed())
    epochs.on('changed', () => this.#changed())
    // Not with the events of the mesh: what is asked then is asked of members, which hears them later.
    members.on('connection', () => this.#changed())
    members.on('member:state', () => {
      operations.keepNodes((node) => members.get(node)?.state === 'alive')
      this.#changed()
    })
  }

  #wireGroup(): void {
    const { mesh, log, trust, units, expulsion } = this.#parts
    expulsion.on('removed', (how) => this.#events.emit('removed', how))
    log.on('leader:changed', ({ leader }) => {
      this.#followRoles()
      this.#description.look()
      if (leader !== undefined) units.settleNames()
      this.#changed()
    })
    log.on('state:installed', ({ before, state }) => {
      trust.install(before, state)
      expulsion.install()
      this.#followRoles()
      this.#followSoon()
    })
    log.on('entry:applied', ({ data, before, state, effects }) => {
      if (before.configuration !== state.configuration || before.members !== state.members) this.#followRoles()
      trust.follow(state, effects)
      if (effects.length === 0) return
      expulsion.follow(effects, data)
      this.#followSoon()
      for (const effect of effects) {
        if (effect.type !== 'unit:claimed' && effect.type !== 'unit:released') continue
        // Also a name that another gave up: a unit of that name may wait for it here.
        if (effect.peer === mesh.peerId || units.get(effect.unit) !== undefined) units.settleNames()
      }
    })
  }

  #wireOffers(): void {
    const { mesh, catalog, state, units, publisher, fallbacks, signals, operations, duties } = this.#parts
    state.on('changed', ({ collection, keys }) => {
      if (collection === NODES_COLLECTION) this.#whereabouts.heard(keys)
      else this.#refreshSoon()
    })
    state.on('hinted', () => this.#changed())
    units.on('unit:state', () => this.#changed())
    units.on('unit:gone', () => this.#changed())
    units.on('unit:changed', () => {
      publisher.mend(units)
      fallbacks.mend(units)
      units.settleNames()
    })
    units.on('unit:definitions', () => fallbacks.mend(units))
    units.on('unit:gone', () => fallbacks.mend(units))
    catalog.onChanged(() => {
      const elsewhere = catalog.units.map(({ unit, providers }) => {
        const nodes = providers.flatMap(({ node }) => (node === mesh.peerId ? [] : [node]))
        return [unit, new Set(nodes)] as const
      })
      const remote = new Map(elsewhere.filter(([, nodes]) => nodes.size > 0))
      signals.followUnits([...remote.keys()])
      operations.keepReportsOf(remote)
      duties.look()
    })
  }

  #changed(): void {
    this.#events.emit('changed', undefined)
  }

  /** Entries come in batches: one look after all of a turn. */
  #followSoon(): void {
    if (this.#isFollowing) return
    this.#isFollowing = true
    queueMicrotask(() => {
      this.#isFollowing = false
      this.#guarded('the docket was not followed', () => this.#followGroup())
    })
  }

  #refreshSoon(): void {
    if (this.#isRefreshing) return
    this.#isRefreshing = true
    queueMicrotask(() => {
      this.#isRefreshing = false
      this.#guarded('the catalog was not brought up to date', () => this.#refresh())
    })
  }

  /** A fault in here must not end the node. */
  #guarded(what: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#logger.error({ error: messageOf(error) }, what)
    }
  }

  /** Who leads, who votes, or who is a member is another now. */
  #followRoles(): void {
    const { log, mesh, members } = this.#parts
    const status = log.status()
    if (status !== undefined) members.need(neededPeers(mesh.peerId, status, log.state?.members.keys() ?? []))
  }

  /** The docket is another now: who is a member, who owns which unit, who has which name. */
  #followGroup(): void {
    const { log, members, trust, state, units, publisher, fallbacks, signals, clocks } = this.#parts
    const group = log.state
    // Before all parts run there is nobody to tell; `started` does it.
    if (group === undefined || !this.#hasStarted) return
    if (group.members !== this.#described) {
      this.#described = group.members
      this.#peers = group.members.entries().map(([peer, { addresses }]) => ({ peer, addresses }))
      members.reconcile(this.#peers)
      trust.rememberPeers(this.#peers)
      const isMember = (peer: PeerIdString): boolean => group.members.has(peer)
      this.#parts.lives
        .keepOnly(isMember)
        .catch((error: unknown) => this.#logger.warn({ error: messageOf(error) }, 'lives of former members are still on disk'))
      signals.forget(isMember)
      clocks.keepOnly(isMember)
    }
    state.reevaluate()
    publisher.mend(units)
    fallbacks.mend(units)
    this.#description.look()
    this.#refresh()
  }

  #refresh(): void {
    this.#parts.catalog.refresh()
    this.#changed()
  }
}
