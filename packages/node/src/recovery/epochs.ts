import { type EpochEffect, EpochRules } from '@vsmcp/consensus'
import { type Clock, Emitter, type Logger, messageOf, type PeerIdString, type Plane, type Startable } from '@vsmcp/kernel'
import { decodeChain, encodeChain, isAnchored, newestRecovery, type RecoveryRivalsError, type ShownChain } from '@vsmcp/security'
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

/** Carries out `EpochRules` at a node. */
export class Epochs implements Startable {
  readonly #c: EpochsComponents
  readonly #events: Emitter<Events>
  readonly #rules = new EpochRules<ShownChain>()

  constructor(components: EpochsComponents) {
    this.#c = components
    const { trust, log, control, logger } = components
    this.#events = new Emitter((error) => logger.error({ error: messageOf(error) }, 'a listener of epochs failed'))
    trust.on('epoch:began', ({ epoch }) => this.#began(epoch))
    trust.on('epoch:rivals', ({ peer, error, shown }) => this.#met(peer, error, shown))
    log.on('epoch:differs', ({ peer }) => this.#carryOut(this.#rules.differs(peer, this.#nowMs)))
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
    const { logger, peers } = this.#c
    logger.warn({ epoch }, 'the group goes on in a later epoch: this node stands down to it')
    this.#carryOut(this.#rules.began(peers(), this.#nowMs))
    this.#events.emit('changed', undefined)
  }

  #met(peer: PeerIdString, error: RecoveryRivalsError, chain: ShownChain): void {
    const { trust, logger, peers } = this.#c
    const { epoch } = trust.chain
    const rival = String(error.details['shown'])
    const known = trust.enrolment.rival?.epoch === epoch ? trust.enrolment.rival.peer : undefined
    const effects = this.#rules.metRival(known, { rival, chain }, peers())
    if (effects.length === 0) return
    logger.error(
      { peer, epoch, rival, own: newestRecovery(trust.chain)?.voter },
      'an epoch was started twice: nothing is decided any more',
    )
    this.#carryOut(effects)
    this.#events.emit('changed', undefined)
  }

  get #nowMs(): number {
    return this.#c.clock.monotonicMs()
  }

  #carryOut(effects: readonly EpochEffect<ShownChain>[]): void {
    const { trust, log, control } = this.#c
    for (const effect of effects) {
      if (effect.type === 'stand-down') log.standDown()
      else if (effect.type === 'show')
        control.notify(effect.to, CHAIN_NOTICE, encodeChain(effect.chain === 'own' ? trust.chain : effect.chain))
      else {
        const { epoch } = trust.chain
        trust.rememberRival({ epoch, peer: effect.rival })
        log.halt(this.#reason(epoch, effect.rival))
      }
    }
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

  #heard(peer: PeerIdString, payload: Uint8Array): void {
    const { trust, logger } = this.#c
    try {
      const shown = decodeChain(payload)
      const isLater = trust.learnChain(peer, shown)
      const { length } = trust.chain.links
      const isSame = shown.links.length === length && isAnchored(shown) === isAnchored(trust.chain)
      this.#carryOut(this.#rules.heard(peer, { isLater, isSame }, this.#nowMs))
    } catch (error) {
      logger.warn({ peer, error: messageOf(error) }, 'a chain of voters that a member showed was refused')
    }
  }
}
