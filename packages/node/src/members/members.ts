import {
  type Clock,
  Emitter,
  type Logger,
  messageOf,
  type PeerIdString,
  type Plane,
  type Random,
  type Startable,
  type Timer,
} from '@vsmcp/kernel'
import {
  type DialFailure,
  type Evidence,
  InvalidMembershipMessageError,
  type Member,
  membership,
  type MembershipComponents,
  type MembershipEffect,
  type MembershipView,
  validateMembershipMessage,
} from '@vsmcp/membership'
import { DialError, type Mesh } from '@vsmcp/mesh'
import type { VerifiedPassport } from '@vsmcp/security'
import { pack, unpack } from 'msgpackr'
import { GOODBYE_GRACE_MS, LOOP_LAG_FADES, MEMBERSHIP_BYTES_MAX, UNLISTED_GRACE_MS } from '../constants.ts'

const MEMBERSHIP_NOTICE = 'membership'

export interface KnownMember {
  peer: PeerIdString
  addresses: readonly string[]
}

interface Events extends Record<string, unknown> {
  'member:state': { peer: PeerIdString; from: Member['state'] | null; to: Member['state']; why: Evidence }
  /** A connection to it began or ended, and is in this view: one that others reach is `alive` before and after. */
  connection: { peer: PeerIdString }
  /** A dial of this node's ended, in a connection or not. */
  dialled: { peer: PeerIdString }
}

export interface MembersComponents {
  mesh: Mesh<VerifiedPassport>
  /** Carries what the views of members say to each other. */
  control: Plane
  /** Signs and verifies that a member says of itself that it is alive. */
  alive: Required<Pick<MembershipComponents, 'signAlive' | 'verifyAlive'>>
  /** Whether this node goes by the peer being a member, as far as it can know now. */
  isListed: (peer: PeerIdString) => boolean
  clock: Clock
  random: Random
  logger: Logger
}

/**
 * Who is there: carries out what the pure membership view decides. It dials and sends, tells the view how that went and what
 * others say, and gives it the time when it asked for it; there is no polling.
 */
export class Members implements Startable {
  readonly #mesh: Mesh<VerifiedPassport>
  readonly #control: Plane
  readonly #clock: Clock
  readonly #logger: Logger
  #view: MembershipView
  readonly #events: Emitter<Events>
  readonly #dialing = new Map<PeerIdString, AbortController>()
  #unsubscribe: (() => void)[] = []
  /** The addresses of each, as listed last. */
  #listed: ReadonlyMap<PeerIdString, readonly string[]> = new Map()
  #needed: ReadonlySet<PeerIdString> = new Set()
  readonly #isListed: (peer: PeerIdString) => boolean
  readonly #makeView: () => MembershipView
  #timer: Timer | undefined
  /** How late this process runs: the latest timers, the later the longer ago the less. */
  #loopLagMs = 0
  #stopped = false

  constructor(components: MembersComponents) {
    this.#isListed = components.isListed
    this.#mesh = components.mesh
    this.#clock = components.clock
    this.#logger = components.logger
    this.#control = components.control
    this.#makeView = () => {
      const init = { self: components.mesh.peerId, incarnation: Math.round(components.clock.wallMs()) }
      return membership(init)({ random: components.random, ...components.alive })
    }
    this.#view = this.#makeView()
    components.control.onNotice(MEMBERSHIP_NOTICE, (peer, payload) => this.#receive(peer, payload))
    this.#events = new Emitter((error) => components.logger.error({ error: messageOf(error) }, 'a listener of members failed'))
  }

  /** Also after a stop: who is listed and who is connected is all that is taken over. */
  async start(): Promise<void> {
    this.#unsubscribe = [
      this.#mesh.on('peer:up', ({ peer, info }) => this.#connected(peer, info.passport.addresses)),
      this.#mesh.on('peer:down', ({ peer }) => this.#disconnected(peer)),
    ]
    if (!this.#stopped) return
    this.#stopped = false
    this.#view = this.#makeView()
    this.need(this.#needed)
    for (const [peer, addresses] of this.#listed) this.#add(peer, addresses)
    for (const { peer, info } of this.#mesh.peers()) this.#connected(peer, info.passport.addresses)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    for (const off of this.#unsubscribe) off()
    for (const dial of this.#dialing.values()) dial.abort()
  }

  /** Brings the view to the group's list of members: newcomers are dialed, who is no longer listed is forgotten. */
  reconcile(members: readonly KnownMember[]): void {
    const listed = new Map(members.flatMap(({ peer, addresses }) => (peer === this.#mesh.peerId ? [] : [[peer, addresses]])))
    for (const [peer, addresses] of listed) {
      const known = this.#view.member(peer)
      if (known === undefined || known.state === 'left') this.#add(peer, addresses)
      // What is listed as before is no news, and a large group has many of these.
      else if (this.#listed.get(peer) !== addresses) this.#run(this.#view.addressesLearned(peer, addresses, this.#now()))
    }
    // Only who was listed can drop off the list: a newcomer may be connected before this node has applied its joining.
    for (const peer of this.#listed.keys()) {
      if (!listed.has(peer)) this.#left(peer)
    }
    this.#listed = listed
  }

  /** Where a member says it is, heard from somebody who is connected to it. */
  heardOf(peer: PeerIdString, addresses: readonly string[]): void {
    if (this.#view.member(peer) !== undefined) this.#run(this.#view.addressesLearned(peer, addresses, this.#now()))
  }

  /** Whose connections this node's own part in the group depends on: made before those that only calls may want some day. */
  need(peers: ReadonlySet<PeerIdString>): void {
    this.#needed = peers
    this.#run(this.#view.connectionsNeeded(peers, this.#now()))
  }

  /** Something may soon be asked of it: it is dialled at once, unless it is connected. */
  want(peer: PeerIdString): void {
    if (this.isHearsay(peer)) this.#run(this.#view.connectionWanted(peer, this.#now()))
  }

  /** Whether others reach it, and this node has no connection to it. */
  isHearsay(peer: PeerIdString): boolean {
    const member = this.#view.member(peer)
    return member?.state === 'alive' && !member.isConnected
  }

  /**
   * Dials at once whom others reach. Resolves when a connection stands, or when there is nothing more to wait for: its dial failed,
   * it has no address, the time is over, or the caller gave up. Whoever sends then learns which.
   */
  async reach(peer: PeerIdString, waitMs: number, signal?: AbortSignal): Promise<void> {
    const member = this.#view.member(peer)
    if (member === undefined || !this.isHearsay(peer) || member.addresses.length === 0 || signal?.aborted === true) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#clock.after(waitMs, resolve)
    const check = (event: { peer: PeerIdString }): void => {
      if (event.peer === peer) resolve()
    }
    const offs = [this.on('dialled', check), this.#mesh.on('peer:up', check)]
    signal?.addEventListener('abort', () => resolve(), { once: true })
    try {
      this.want(peer)
      await promise
    } finally {
      timer.cancel()
      for (const off of offs) off()
    }
  }

  #connected(peer: PeerIdString, addresses: readonly string[]): void {
    this.#run(this.#view.connected(peer, this.#now()))
    this.#run(this.#view.addressesLearned(peer, addresses, this.#now()))
    this.#expectListed(peer)
    this.#events.emit('connection', { peer })
  }

  #disconnected(peer: PeerIdString): void {
    this.#run(this.#view.disconnected(peer, this.#now()))
    this.#events.emit('connection', { peer })
  }

  #add(peer: PeerIdString, addresses: readonly string[]): void {
    try {
      this.#run(this.#view.memberAdded(peer, addresses, this.#now()))
    } catch (error) {
      this.#logger.error({ peer, error: messageOf(error) }, 'a member is not looked after')
    }
  }

  /** Its credential is good, but it may have left long ago: who is not listed soon is let go. */
  #expectListed(peer: PeerIdString): void {
    if (this.#listed.has(peer)) return
    this.#clock.after(UNLISTED_GRACE_MS, () => {
      if (this.#stopped || this.#listed.has(peer) || this.#view.member(peer)?.state !== 'alive') return
      if (this.#isListed(peer)) {
        this.#expectListed(peer)
        return
      }
      this.#logger.warn({ peer }, 'a peer that is no member is let go')
      this.#hangUp(peer)
      this.#run(this.#view.memberRemoved(peer, this.#now()))
    })
  }

  /** Taken off the list: dialed no more at once; the connection is closed when the answer to its goodbye has gone out. */
  #left(peer: PeerIdString): void {
    this.#dialing.get(peer)?.abort()
    this.#run(this.#view.memberLeft(peer, this.#now()))
    this.#clock.after(GOODBYE_GRACE_MS, () => {
      if (this.#stopped || this.#view.member(peer)?.state !== 'left') return
      this.#hangUp(peer)
    })
  }

  #hangUp(peer: PeerIdString): void {
    const failed = (error: unknown): void => this.#logger.debug({ peer, error: messageOf(error) }, 'hang-up failed')
    this.#mesh.hangUp(peer).catch(failed)
  }

  list(): readonly Member[] {
    return this.#view.members()
  }

  get(peer: PeerIdString): Member | undefined {
    return this.#view.member(peer)
  }

  /** Milliseconds since the member's state began. */
  inStateForMs(peer: PeerIdString): number {
    const member = this.#view.member(peer)
    return member === undefined ? 0 : this.#now() - member.sinceMs
  }

  /** How this node itself sees a member now. Whom it does not know it has not seen. */
  sight(peer: PeerIdString): { state: Member['state']; forMs: number } {
    if (peer === this.#mesh.peerId) return { state: 'alive', forMs: Number.MAX_SAFE_INTEGER }
    return { state: this.#view.member(peer)?.state ?? 'suspect', forMs: this.inStateForMs(peer) }
  }

  /** Whether this node reaches it now. One that is `alive` by the word of others alone it does not reach. */
  isAlive(peer: PeerIdString): boolean {
    if (peer === this.#mesh.peerId) return true
    const member = this.#view.member(peer)
    return member?.state === 'alive' && member.isConnected
  }

  on<K extends keyof Events & string>(event: K, listener: (payload: Events[K]) => void): () => void {
    return this.#events.on(event, listener)
  }

  /** The clock that `sinceMs` of members and their evidence go by. */
  get nowMs(): number {
    return this.#now()
  }

  #now(): number {
    return this.#clock.monotonicMs()
  }

  #run(effects: readonly MembershipEffect[]): void {
    if (this.#stopped) return
    for (const effect of effects) {
      switch (effect.type) {
        case 'dial':
          void this.#dial(effect.peer, effect.addresses, effect.attempt)
          break
        case 'send':
          this.#control.notify(effect.to, MEMBERSHIP_NOTICE, pack(effect.message))
          break
        case 'offence':
          this.#logger.warn({ peer: effect.peer, reason: effect.why }, 'a member said what cannot be true')
          break
        default:
          this.#stateChanged(effect)
      }
    }
    this.#schedule()
  }

  #stateChanged({ peer, from, to, why }: Events['member:state']): void {
    this.#logger.info({ peer, from, to, why: why.kind }, 'member changed state')
    this.#events.emit('member:state', { peer, from, to, why })
    // Nothing comes over its connection any more: calls under way must learn of it, and a new connection be tried.
    if (to === 'failed' && this.#view.member(peer)?.isConnected === true) this.#hangUp(peer)
  }

  #receive(peer: PeerIdString, payload: Uint8Array): void {
    if (this.#stopped) return
    try {
      if (payload.length > MEMBERSHIP_BYTES_MAX) throw new InvalidMembershipMessageError(`it has ${payload.length} bytes`)
      const message = validateMembershipMessage(unpack(payload))
      this.#run(this.#view.received(peer, message, this.#now()))
    } catch (error) {
      const reason = error instanceof InvalidMembershipMessageError ? error.message : 'it cannot be decoded'
      this.#logger.warn({ peer, reason }, 'a membership message was refused')
    }
  }

  #schedule(): void {
    this.#timer?.cancel()
    const at = this.#view.nextTickAtMs()
    if (at === undefined) return
    const wantedMs = Math.max(at, this.#now() + 1)
    this.#timer = this.#clock.after(wantedMs - this.#now(), () => {
      const nowMs = this.#now()
      this.#loopLagMs = Math.max(nowMs - wantedMs, this.#loopLagMs * LOOP_LAG_FADES)
      this.#view.lagMeasured(this.#loopLagMs)
      this.#run(this.#view.tick(nowMs))
    })
  }

  async #dial(peer: PeerIdString, addresses: readonly string[], attempt: number): Promise<void> {
    const abort = new AbortController()
    this.#dialing.set(peer, abort)
    try {
      await this.#mesh.dial(addresses, { expect: peer, signal: abort.signal })
      this.#run(this.#view.dialSucceeded(peer, this.#now()))
    } catch (error) {
      this.#logger.debug({ peer, attempt, error: messageOf(error) }, 'dial failed')
      this.#run(this.#view.dialFailed(peer, this.#now(), failureOf(error)))
    } finally {
      if (this.#dialing.get(peer) === abort) this.#dialing.delete(peer)
      this.#events.emit('dialled', { peer })
    }
  }
}

/** Silence at any address says less than a refusal at all of them. */
function failureOf(error: unknown): DialFailure {
  if (!(error instanceof DialError)) return 'local'
  return /timed out|timeout/i.test(error.message) ? 'timeout' : 'refused'
}
