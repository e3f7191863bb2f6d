import { type KeyValueStore, type Logger, messageOf, type Timer } from '@vsmcp/kernel'
import { pack, unpack } from 'msgpackr'
import { z } from 'zod'
import { CHECKPOINT_BEGUN_MAX, CHECKPOINT_BYTES_MAX, CHECKPOINT_PERIOD_MS } from '../constants.ts'
import type { Scope } from './scope.ts'

/** What a part remembers over its lives, in a form that is checked when it is read. */
export interface CheckpointShape<S> {
  /** Its key on disk. */
  readonly name: string
  /** One that was written as another version is not read. */
  readonly version: number
  readonly schema: z.ZodType<S>
}

export interface CheckpointComponents {
  kv: KeyValueStore
  scope: Pick<Scope, 'clock' | 'hasCrashed'>
  logger: Logger
}

/** What an earlier life knew, and how long ago by the wall clock. */
export interface Remembered<S> {
  readonly state: S
  readonly agoMs: number
}

/** As a part needs it. */
export interface Keeping<S> {
  /**
   * In the part's `start`, before anything else: what an earlier life knew, undefined when there is nothing that can be used. From then on what `take`
   * gives is written at intervals.
   */
  begin(take: () => S): Promise<Remembered<S> | undefined>
  /** In its `stop`: written once more, unless the part has crashed, and nobody knows what its state is worth. */
  end(): Promise<void>
}

const envelope = z.object({ version: z.int(), atMs: z.number(), begun: z.int().nonnegative(), state: z.unknown() })

/**
 * What a part knows, kept on disk so that its next life goes on with it, after a crash of the part as after one of the process. Bounded,
 * versioned, checked when read: what is damaged, of another version or too old a friend of crashes is left out, and the part begins afresh.
 *
 * Each life that begins with a checkpoint counts on it, until it writes one of its own: what several in a row began with, and none outlived, is
 * what they crashed over.
 */
export class Checkpoint<S> implements Keeping<S> {
  readonly #shape: CheckpointShape<S>
  readonly #c: CheckpointComponents
  #take: (() => S) | undefined
  #timer: Timer | undefined
  #isTooLarge = false

  constructor(shape: CheckpointShape<S>, components: CheckpointComponents) {
    this.#shape = shape
    this.#c = components
  }

  async begin(take: () => S): Promise<Remembered<S> | undefined> {
    const remembered = await this.#read()
    this.#take = take
    this.#timer = this.#c.scope.clock.every(CHECKPOINT_PERIOD_MS, () => void this.#write(take()))
    return remembered
  }

  async end(): Promise<void> {
    this.#timer?.cancel()
    const take = this.#take
    this.#take = undefined
    if (take !== undefined && !this.#c.scope.hasCrashed) await this.#write(take())
  }

  async #read(): Promise<Remembered<S> | undefined> {
    const { kv, scope, logger } = this.#c
    const { name, version, schema } = this.#shape
    try {
      const bytes = await kv.get(name)
      if (bytes === undefined) return undefined
      const found = envelope.parse(unpack(bytes))
      if (found.version !== version) {
        logger.info({ part: name, version: found.version }, 'what the part knew was written by another version: it begins afresh')
        return undefined
      }
      if (found.begun >= CHECKPOINT_BEGUN_MAX) {
        await kv.write([{ type: 'del', key: name }])
        logger.warn({ part: name, lives: found.begun }, 'no life lasted that began with what the part knew: it begins afresh')
        return undefined
      }
      const state = schema.parse(found.state)
      await kv.write([{ type: 'put', key: name, value: pack({ ...found, begun: found.begun + 1 }) }])
      return { state, agoMs: Math.max(0, scope.clock.wallMs() - found.atMs) }
    } catch (error) {
      logger.warn({ part: name, error: messageOf(error) }, 'what the part knew cannot be read: it begins afresh')
      return undefined
    }
  }

  async #write(state: S): Promise<void> {
    const { kv, scope, logger } = this.#c
    const { name, version } = this.#shape
    const value = pack({ version, atMs: scope.clock.wallMs(), begun: 0, state })
    if (value.length > CHECKPOINT_BYTES_MAX) {
      if (!this.#isTooLarge) logger.warn({ part: name, bytes: value.length }, 'what the part knows is too large to be kept')
      this.#isTooLarge = true
      return
    }
    this.#isTooLarge = false
    try {
      await kv.write([{ type: 'put', key: name, value }])
    } catch (error) {
      logger.warn({ part: name, error: messageOf(error) }, 'what the part knows is not on disk')
    }
  }
}
