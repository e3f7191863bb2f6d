import { isDeepStrictEqual } from 'node:util'
import { type GroupId, type KeyValueStore, type Logger, messageOf } from '@vsmcp/kernel'
import { type Chain, heardOf, type HeardOf } from '@vsmcp/security'
import { type GroupRecursion, type HeardRevocation, readHeardRevocations, readTold, type ToldFromAbove } from '@vsmcp/vsm'
import { z } from 'zod'
import { NEIGHBOURS_REMEMBERED_MAX } from '../constants.ts'

export interface NeighboursMemoryComponents {
  kv: KeyValueStore
  logger: Logger
}

const TOLD_KEY = 'told'
const HEARD_KEY = 'revocations'
const VOTERS_KEY = 'voters'

const votersSchema = z
  .array(z.tuple([z.string().max(64), z.record(z.string().max(128), z.number())]))
  .max(NEIGHBOURS_REMEMBERED_MAX)

/**
 * What other groups said that outlives their records, on this node's disk: directives of those above, evictions elsewhere, and since when the voters
 * of those groups are known.
 */
export class NeighboursMemory {
  readonly #c: NeighboursMemoryComponents
  #told: ToldFromAbove | undefined
  #heardVersion = 0
  /** Those that showed something new last come last. */
  readonly #voters = new Map<GroupId, HeardOf>()
  #saving: Promise<void> = Promise.resolve()

  constructor(components: NeighboursMemoryComponents) {
    this.#c = components
  }

  /** What cannot be read is as if it had never been heard: it is said again by who still means it. */
  async recall(recursion: GroupRecursion, nowMs: number): Promise<void> {
    const told: ToldFromAbove | undefined = await this.#read(TOLD_KEY, readTold)
    if (told !== undefined) recursion.remember(told)
    const heard: readonly HeardRevocation[] | undefined = await this.#read(HEARD_KEY, readHeardRevocations)
    if (heard !== undefined) recursion.revocations.remember(heard, nowMs)
    const voters = await this.#read(VOTERS_KEY, (value) => votersSchema.safeParse(value).data)
    for (const [group, since] of voters ?? []) this.#voters.set(group, since)
    this.#told = recursion.told
    this.#heardVersion = recursion.revocations.version
  }

  /** To be called when something may have been heard; writes only what is new. */
  keep({ told, revocations }: GroupRecursion): void {
    if (this.#told !== told) {
      this.#told = told
      this.#write(TOLD_KEY, told)
    }
    if (this.#heardVersion !== revocations.version) {
      this.#heardVersion = revocations.version
      this.#write(HEARD_KEY, revocations.heard)
    }
  }

  /** When this node first heard of the voters of another group, as far as it did. */
  heardOf(group: GroupId): HeardOf {
    return this.#voters.get(group) ?? {}
  }

  /** Another group shows voters that were not known; of more groups than are remembered those that showed nothing new for longest are forgotten. */
  heardChain(chain: Chain, nowMs: number): void {
    const { group } = chain
    const before = this.#voters.get(group)
    const heard = heardOf(before, chain, nowMs)
    if (isDeepStrictEqual(before, heard)) return
    this.#voters.delete(group)
    this.#voters.set(group, heard)
    for (const first of this.#voters.keys()) if (this.#voters.size > NEIGHBOURS_REMEMBERED_MAX) this.#voters.delete(first)
    this.#write(VOTERS_KEY, [...this.#voters])
  }

  settled(): Promise<void> {
    return this.#saving
  }

  async #read<T>(key: string, read: (value: unknown) => T | undefined): Promise<T | undefined> {
    const { kv, logger } = this.#c
    try {
      const bytes = await kv.get(key)
      if (bytes === undefined) return undefined
      const value = read(JSON.parse(Buffer.from(bytes).toString('utf8')))
      if (value === undefined)
        logger.warn({ key }, 'what other groups said cannot be read, and is forgotten until they say it again')
      return value
    } catch (error) {
      logger.warn(
        { key, error: messageOf(error) },
        'what other groups said cannot be read, and is forgotten until they say it again',
      )
      return undefined
    }
  }

  #write(key: string, value: unknown): void {
    const { kv, logger } = this.#c
    const bytes = Buffer.from(JSON.stringify(value))
    this.#saving = this.#saving
      .then(() => kv.write([{ type: 'put', key, value: bytes }]))
      .catch((error: unknown) => logger.warn({ key, error: messageOf(error) }, 'what other groups said is not on disk'))
  }
}
