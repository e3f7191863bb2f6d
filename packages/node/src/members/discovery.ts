import {
  backoffMs,
  type Clock,
  type Logger,
  messageOf,
  type PeerIdString,
  type Random,
  type Startable,
  type Timer,
} from '@vsmcp/kernel'
import { DialError, type Mesh } from '@vsmcp/mesh'
import { BOOTSTRAP_LOOK_MS, FOUND_DIALS_MAX, FOUND_HELD_MAX, FOUND_HOLD_MS } from '../constants.ts'

export interface DiscoveryComponents {
  mesh: Pick<Mesh, 'peerId' | 'peers' | 'dial' | 'on'>
  clock: Clock
  random: Random
  logger: Logger
}

/** An address that a person gave, and who was met there last. */
interface Bootstrap {
  readonly address: string
  peer: PeerIdString | undefined
  failures: number
  timer: Timer | undefined
}

/**
 * Ways to members whose addresses this node does not know (any more): addresses a person gave, for ever and with back-off;
 * what the local network says, as it comes. Either is only dialled: who is there is believed when its hello is verified, and
 * from then on the membership looks after it.
 */
export class Discovery implements Startable {
  readonly #c: DiscoveryComponents
  readonly #bootstrap: readonly Bootstrap[]
  #abort = new AbortController()
  /** When each peer that was found was dialled last, monotonic milliseconds, oldest first. */
  readonly #dialledMs = new Map<PeerIdString, number>()
  #dialling = 0
  #off: (() => void) | undefined

  constructor(bootstrap: readonly string[], components: DiscoveryComponents) {
    this.#c = components
    this.#bootstrap = bootstrap.map((address) => ({ address, peer: undefined, failures: 0, timer: undefined }))
  }

  async start(): Promise<void> {
    this.#abort = new AbortController()
    this.#off = this.#c.mesh.on('peer:found', ({ peer, addresses }) => void this.#found(peer, addresses))
    for (const bootstrap of this.#bootstrap) void this.#look(bootstrap)
  }

  async stop(): Promise<void> {
    this.#off?.()
    this.#abort.abort()
    for (const { timer } of this.#bootstrap) timer?.cancel()
  }

  async #look(bootstrap: Bootstrap): Promise<void> {
    const { mesh, clock, random, logger } = this.#c
    const { address } = bootstrap
    try {
      if (bootstrap.peer === undefined || !this.#isUp(bootstrap.peer)) {
        bootstrap.peer = (await mesh.dial([address], { signal: this.#abort.signal })).peer
        logger.info({ address, peer: bootstrap.peer }, 'a member was met at a bootstrap address')
      }
      bootstrap.failures = 0
    } catch (error) {
      if (this.#abort.signal.aborted) return
      // It may be this node's own: the same list is given to all.
      if (!(error instanceof DialError)) logger.warn({ address, error: messageOf(error) }, 'a bootstrap address is not dialled')
      else logger.debug({ address, error: messageOf(error) }, 'a bootstrap address led to no member')
      bootstrap.failures += 1
    }
    const delayMs =
      bootstrap.failures === 0
        ? BOOTSTRAP_LOOK_MS
        : backoffMs(bootstrap.failures, random, { baseMs: 500, maxMs: BOOTSTRAP_LOOK_MS })
    if (!this.#abort.signal.aborted) bootstrap.timer = clock.after(delayMs, () => void this.#look(bootstrap))
  }

  /** Anybody on the spot may say anything: few dials at a time, and each peer now and then. */
  async #found(peer: PeerIdString, addresses: readonly string[]): Promise<void> {
    const { mesh, clock, logger } = this.#c
    const nowMs = clock.monotonicMs()
    const lastMs = this.#dialledMs.get(peer) ?? -Infinity
    if (this.#isUp(peer) || nowMs - lastMs < FOUND_HOLD_MS || this.#dialling >= FOUND_DIALS_MAX) return
    this.#dialledMs.delete(peer)
    this.#dialledMs.set(peer, nowMs)
    if (this.#dialledMs.size > FOUND_HELD_MAX) {
      const [oldest = ''] = this.#dialledMs.keys()
      this.#dialledMs.delete(oldest)
    }
    this.#dialling += 1
    try {
      await mesh.dial(addresses, { expect: peer, signal: this.#abort.signal })
      logger.info({ peer }, 'a member was met on the local network')
    } catch (error) {
      logger.debug({ peer, error: messageOf(error) }, 'what was found on the local network is no member')
    } finally {
      this.#dialling -= 1
    }
  }

  #isUp(peer: PeerIdString): boolean {
    return peer === this.#c.mesh.peerId || this.#c.mesh.peers().some((each) => each.peer === peer)
  }
}
