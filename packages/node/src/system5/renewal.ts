import {
  backoffMs,
  type Clock,
  Emitter,
  type GroupId,
  isoTime,
  type Logger,
  messageOf,
  type PeerIdString,
  type Plane,
  type Random,
  type Startable,
  type Timer,
} from '@vsmcp/kernel'
import type { GroupEffect } from '@vsmcp/consensus'
import { type CredentialClaims, decodeCredentialPayload } from '@vsmcp/security'
import { CONTROL_DEADLINE_MS, RENEWAL_ERAS_MAX, RENEWAL_LOOK_MS } from '../constants.ts'
import type { Credentials } from './credentials.ts'
import type { GroupLog } from './group-log.ts'
import type { Standing } from './standing.ts'
import type { Trust } from './trust.ts'

const SHOW_CREDENTIAL = 'system5:show-credential'

/** A credential is renewed somewhere between these parts of its life: not all of a mesh that began on one day at once. */
const RENEWED_FROM = 2 / 3
const RENEWED_UNTIL = 5 / 6

/** After these it may be due sooner: who has a place kept for its group speaks for that from then on. */
const SHORTENING: ReadonlySet<GroupEffect['type']> = new Set(['policy:changed', 'link:added', 'group:awaited'])

export interface RenewalComponents {
  self: PeerIdString
  log: GroupLog
  trust: Trust
  credentials: Credentials
  /** What this node shows of one group that it is in; undefined while it has no running seat there. */
  shown: (group: GroupId) => Promise<Uint8Array | undefined>
  standing: Standing
  /** Open to every listed member, also to one whose credential is over. */
  control: Plane
  peers: () => readonly PeerIdString[]
  onPeerUp: (listener: () => void) => () => void
  nowMs: () => number
  clock: Clock
  random: Random
  logger: Logger
}

/**
 * Keeps this node's own credential in force, without a restart: asks the voters for a new one in good time, at once when it is
 * over already (the first thing after a long absence), and shows it to everybody connected.
 */
export class Renewal implements Startable {
  readonly #c: RenewalComponents
  readonly #events: Emitter<{ renewed: CredentialClaims }>
  /** Where in the span this node renews; drawn once. */
  readonly #at: number
  /** Connected peers that have not taken note of the newest one yet. */
  readonly #unaware = new Set<PeerIdString>()
  #timer: Timer | undefined
  #offs: (() => void)[] = []
  #working: Promise<void> | undefined
  #again = false
  #failures = 0
  #stopped = false

  constructor(components: RenewalComponents) {
    this.#c = components
    this.#at = RENEWED_FROM + components.random.next() * (RENEWED_UNTIL - RENEWED_FROM)
    this.#events = new Emitter((error) => components.logger.error({ error: messageOf(error) }, 'a listener of renewals failed'))
    components.control.handle(SHOW_CREDENTIAL, async ({ peer, payload }) => {
      await components.trust.verifyHello(peer, payload)
      return new Uint8Array()
    })
    components.standing.shown(this.claims)
  }

  async start(): Promise<void> {
    const { log, onPeerUp } = this.#c
    this.#stopped = false
    const look = (): void => this.look()
    this.#offs = [
      onPeerUp(look),
      log.on('state:installed', look),
      log.on('entry:applied', ({ effects }) => {
        if (effects.some(({ type }) => SHORTENING.has(type))) this.look()
      }),
    ]
    this.look()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    for (const off of this.#offs) off()
    await this.#working
  }

  on(event: 'renewed', listener: (claims: CredentialClaims) => void): () => void {
    return this.#events.on(event, listener)
  }

  /** Of this node's own credential. */
  get claims(): CredentialClaims {
    return decodeCredentialPayload(Buffer.from(this.#c.trust.enrolment.credential.payload, 'base64url'))
  }

  /** When the next one is due, by the time that credentials are judged by. */
  get dueAtMs(): number {
    const { log, trust, credentials, self } = this.#c
    const { iat, exp, voterIndex } = this.claims
    const behind = trust.chain.eras.filter(({ index }) => index > voterIndex).length
    if (behind >= RENEWAL_ERAS_MAX) return 0
    const member = log.state?.members.get(self)
    const lifeMs = Math.min((exp - iat) * 1_000, member === undefined ? Number.POSITIVE_INFINITY : credentials.lifeMs(member))
    return iat * 1_000 + lifeMs * this.#at
  }

  /** Renews when it is due; looks asked for while one is under way become one more. */
  look(): void {
    if (this.#stopped) return
    if (this.#working !== undefined) {
      this.#again = true
      return
    }
    this.#working = this.#work().finally(() => {
      this.#working = undefined
      const again = this.#again
      this.#again = false
      if (again) this.look()
      else this.#schedule()
    })
  }

  async #work(): Promise<void> {
    const { logger, nowMs } = this.#c
    if (nowMs() < this.dueAtMs) return this.#tell()
    try {
      this.#failures = (await this.#renew()) ? 0 : this.#failures + 1
    } catch (error) {
      this.#failures++
      logger.warn({ error: messageOf(error), failures: this.#failures }, 'the credential of this node was not renewed')
    }
    await this.#tell()
  }

  /** @returns false when it cannot be asked for now */
  async #renew(): Promise<boolean> {
    const { self, log, trust, credentials, shown, standing, peers, logger } = this.#c
    const member = log.state?.members.get(self)
    // Without a copy of the docket it is not known what the voters would sign.
    if (member === undefined || !standing.canRenew()) return false
    const credential = await credentials.issue(
      self,
      member,
      member.delegateOf === undefined ? undefined : await shown(member.delegateOf),
    )
    await trust.renew(credential)
    const { claims } = this
    standing.shown(claims)
    for (const peer of peers()) this.#unaware.add(peer)
    logger.info({ until: isoTime(claims.exp * 1_000) }, 'the credential of this node was renewed')
    this.#events.emit('renewed', claims)
    return true
  }

  /** Whoever connects later sees it at the hello. */
  async #tell(): Promise<void> {
    const { control, trust, peers, logger } = this.#c
    const connected = new Set(peers())
    for (const peer of this.#unaware) if (!connected.has(peer)) this.#unaware.delete(peer)
    if (this.#unaware.size === 0) return
    const passport = await trust.passport()
    await Promise.all(
      [...this.#unaware].map(async (peer) => {
        try {
          await control.call(peer, SHOW_CREDENTIAL, passport, { deadlineMs: CONTROL_DEADLINE_MS })
          this.#unaware.delete(peer)
        } catch (error) {
          logger.debug({ peer, error: messageOf(error) }, 'a member has not taken note of the new credential')
        }
      }),
    )
  }

  #schedule(): void {
    if (this.#stopped) return
    const { clock, random, nowMs } = this.#c
    this.#timer?.cancel()
    const isBehind = this.#failures > 0 || this.#unaware.size > 0
    const pause = isBehind ? backoffMs(this.#failures, random) : Math.max(1, this.dueAtMs - nowMs())
    this.#timer = clock.after(Math.min(pause, RENEWAL_LOOK_MS), () => this.look())
  }
}
