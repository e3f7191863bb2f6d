import {
  base64urlOf,
  bytesOfBase64url,
  type Clock,
  type GroupId,
  type Logger,
  messageOf,
  type MeshId,
  type PeerIdString,
} from '@vsmcp/kernel'
import { AttemptLimiter, type Chain, decodeChain, encodeChain, mergeChain, orThrow, verifyChain } from '@vsmcp/security'
import type { SharedRecord, SharedState } from '@vsmcp/state'
import {
  CHAINS_LOOKED_MAX,
  CHAINS_SHOWN_COUNTED_MAX,
  CHAINS_SHOWN_PER_MINUTE_IN_ALL,
  CHAINS_WRITTEN_PER_MINUTE,
} from '../constants.ts'

/** Collection of a group's document in which delegates show the chains of the groups beside it; the key is that group's id. */
export const CHAINS_COLLECTION = 'chains'

/** Characters of a chain in base64url: what a passport may take. */
export const CHAIN_TEXT_MAX = 512 * 1_024

export interface NeighbourChainsComponents {
  mesh: MeshId
  /** The chain of the group that this one was founded below, as of then. */
  founding: () => Chain | undefined
  state: SharedState
  clock: Pick<Clock, 'monotonicMs'>
  /** A chain is learned that was not known. */
  onLearned: (chain: Chain) => void
  logger: Logger
}

/** Who votes in the group above and in those below, by their certified chains: each verified from the mesh id alone, whoever shows it. */
export class NeighbourChains {
  readonly #c: NeighbourChainsComponents
  readonly #chains = new Map<GroupId, Chain>()
  #shown = new Map<GroupId, string>()
  /** Of each entry of the document which one was looked at: it is looked at once. */
  readonly #looked = new Map<string, string>()
  readonly #limiter = new AttemptLimiter({
    perMinute: CHAINS_WRITTEN_PER_MINUTE,
    perMinuteInAll: CHAINS_SHOWN_PER_MINUTE_IN_ALL,
    keysMax: CHAINS_SHOWN_COUNTED_MAX,
  })

  constructor(components: NeighbourChainsComponents) {
    this.#c = components
  }

  /** @returns undefined where nothing is known of the group yet */
  of(group: GroupId): Chain | undefined {
    const founding = this.#c.founding()
    return this.#chains.get(group) ?? (founding?.group === group ? founding : undefined)
  }

  /** @returns undefined where nothing is known of the group yet */
  votersOf(group: GroupId): readonly PeerIdString[] | undefined {
    return this.of(group)?.voters
  }

  /** This node takes part in the other group, too: shows its chain as it is now. */
  async show(chain: Chain): Promise<void> {
    const text = base64urlOf(encodeChain(chain))
    if (this.#shown.get(chain.group) === text) return
    this.#shown.set(chain.group, text)
    await this.#c.state.put(CHAINS_COLLECTION, chain.group, { chain: text })
  }

  /** Somebody shows chains of these groups. Of a member that writes some without end not all are looked at: each costs signatures. @returns whether any is news */
  look(groups: readonly string[], isNeighbour: (group: GroupId) => boolean): boolean {
    const { state } = this.#c
    let isNews = false
    for (const record of state.entries(CHAINS_COLLECTION, { allWriters: true })) {
      if (!groups.includes(record.key) || !isNeighbour(record.key) || !this.#mayLook(record)) continue
      const text = (record.value as { chain?: unknown } | null)?.chain
      if (typeof text === 'string' && this.hear(record.key, text, record.writer)) isNews = true
    }
    return isNews
  }

  #mayLook({ key, writer, epoch, seq }: SharedRecord): boolean {
    const [entry, which] = [`${key} ${writer}`, `${epoch}.${seq}`]
    if (this.#looked.get(entry) === which || !this.#limiter.allow([writer], this.#c.clock.monotonicMs())) return false
    this.#looked.delete(entry)
    const [oldest] = this.#looked.keys()
    if (this.#looked.size >= CHAINS_LOOKED_MAX && oldest !== undefined) this.#looked.delete(oldest)
    this.#looked.set(entry, which)
    return true
  }

  /**
   * A later chain takes the place of an earlier one of the same group; whatever does not prove itself changes nothing.
   * @param text a chain in base64url
   * @returns whether it is news
   */
  hear(group: GroupId, text: string, by: PeerIdString): boolean {
    const { mesh, logger } = this.#c
    if (text.length > CHAIN_TEXT_MAX) return false
    try {
      const bytes = bytesOfBase64url(text)
      if (bytes === undefined) return false
      const shown = decodeChain(bytes)
      const known = this.of(group)
      const chain = known === undefined ? orThrow(verifyChain({ meshId: mesh, ...shown })) : mergeChain(known, shown)
      // Its id is made of its first charter: a group that the docket lists, or stands below, has this chain and no other.
      if (chain.group !== group || chain === known) return false
      this.#chains.set(group, chain)
      this.#c.onLearned(chain)
      return true
    } catch (error) {
      logger.warn({ group, by, error: messageOf(error) }, 'the chain of a group beside this one does not prove itself')
      return false
    }
  }
}
