import { type Clock, Emitter, type Logger, messageOf, type PeerIdString, type Plane, type Startable } from '@vsmcp/kernel'
import { decodeChain, encodeChain, newestRecovery, type RecoveryRivalsError, type ShownChain } from '@vsmcp/security'
import { EPOCH_TOLD_PERIOD_MS } from '../constants.ts'
import { RivalEpochError } from '../errors.ts'
import type { GroupLog } from '../system5/group-log.ts'
import type { Trust } from '../system5/trust.ts'

const CHAIN_NOTICE = 'system5:chain'

export interface EpochsComponents {
  log: GroupLog
  trust: Trust
  control: Plane
  /** Everybody connected now. */
  peers: () => readonly PeerIdString[]
  nameOf: (peer: PeerIdString) => string
  clock: Clock
  logger: Logger
}

interface Events extends Record<string, unknown> {
  changed: undefined
}

/**
 * Rule 9 as a node lives it: it stands down when it hears of a later epoch, tells whoever is in an earlier one, and stops
 * deciding when the epoch it is in was started twice.
 */
export class Epochs implements Startable {
  readonly #c: EpochsComponents
  readonly #events: Emitter<Events>
  /** When each peer was last told, so that two that disagree do not flood each other. */
  readonly #toldAtMs = new Map<PeerIdString, number>()

  constructor(components: EpochsComponents) {
    this.#c = components
    const { trust, log, control, logger } = components
    this.#events = new Emitter((error) => logger.error({ error: messageOf(error) }, 'a listener of epochs failed'))
    trust.on('epoch:began', ({ epoch }) => this.#began(epoch))
    trust.on('epoch:rivals', ({ peer, error, shown }) => this.#met(peer, error, shown))
    log.on('epoch:differs', ({ peer }) => this.#tell(peer))
    control.onNotice(CHAIN_NOTICE, (peer, payload) => this.#heard(peer, payload))
  }

  /** Before the log starts: a node that stopped deciding does not begin again because it was restarted. */
  async start(): Promise<void> {
    const { trust, log } = this.#c
    const { rival, chain } = trust.enrolment
    if (rival?.epoch === chain.epoch) log.halt(this.#reason(rival.epoch, rival.peer))
  }

  async stop(): Promise<void> {}

  on<K extends keyof Events & string>(event: K, listener: (payload: Events[K]) => void): () => void {
    return this.#events.on(event, listener)
  }

  problems(): string[] {
    const { trust } = this.#c
    const { rival, chain } = trust.enrolment
    return rival?.epoch === chain.epoch ? [this.#reason(rival.epoch, rival.peer).message] : []
  }

  #began(epoch: number): void {
    const { log, logger, peers } = this.#c
    logger.warn({ epoch }, 'the group goes on in a later epoch: this node stands down to it')
    log.standDown()
    this.#toldAtMs.clear()
    for (const peer of peers()) this.#tell(peer)
    this.#events.emit('changed', undefined)
  }

  #met(peer: PeerIdString, error: RecoveryRivalsError, shown: ShownChain): void {
    const { trust, log, control, logger, peers } = this.#c
    const { epoch } = trust.chain
    const rival = String(error.details['shown'])
    if (trust.enrolment.rival?.epoch === epoch) return
    logger.error(
      { peer, epoch, rival, own: newestRecovery(trust.chain)?.voter },
      'an epoch was started twice: nothing is decided any more',
    )
    trust.rememberRival({ epoch, peer: rival })
    log.halt(this.#reason(epoch, rival))
    // Who goes by the same chain as this node must not go on deciding without it.
    for (const other of peers()) control.notify(other, CHAIN_NOTICE, encodeChain(shown))
    this.#events.emit('changed', undefined)
  }

  #reason(epoch: number, rival: PeerIdString): RivalEpochError {
    const { trust, nameOf } = this.#c
    const own = newestRecovery(trust.chain)?.voter
    const name = (peer: PeerIdString | undefined): string => (peer === undefined ? 'nobody' : `${nameOf(peer)} (${peer})`)
    return new RivalEpochError(
      `epoch ${epoch} was started twice, by ${name(own)} and by ${name(rival)}: nothing is decided until a person chooses`,
      { hint: 'Stop the one whose state shall stand, run `vsmcp recover --force-quorum` on it once more, and start it.' },
    )
  }

  /** Shows a peer the chain this node goes by; whichever of the two is behind learns from it. */
  #tell(peer: PeerIdString): void {
    const { control, trust, clock } = this.#c
    const now = clock.monotonicMs()
    if (now - (this.#toldAtMs.get(peer) ?? Number.NEGATIVE_INFINITY) < EPOCH_TOLD_PERIOD_MS) return
    this.#toldAtMs.set(peer, now)
    control.notify(peer, CHAIN_NOTICE, encodeChain(trust.chain))
  }

  #heard(peer: PeerIdString, payload: Uint8Array): void {
    const { trust, logger } = this.#c
    try {
      const shown = decodeChain(payload)
      // Who shows one that is behind ours is told; who shows ours is not, or it would never end.
      if (!trust.learnChain(peer, shown) && shown.links.length !== trust.chain.links.length) this.#tell(peer)
    } catch (error) {
      logger.warn({ peer, error: messageOf(error) }, 'a chain of voters that a member showed was refused')
    }
  }
}
