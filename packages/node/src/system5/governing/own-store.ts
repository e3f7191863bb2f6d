import {
  CLOSURES,
  DECIDERS,
  EFFECT_METRICS,
  type KeyValueStore,
  type Logger,
  messageOf,
  PROPOSAL_KINDS,
  PROPOSERS,
  VERDICTS,
} from '@vsmcp/kernel'
import type { Listed } from '@vsmcp/vsm'
import { pack, unpack } from 'msgpackr'
import { z } from 'zod'

const amount = z.number().nonnegative()
const proposalSchema = z.object({
  from: z.enum(PROPOSERS),
  kind: z.enum(PROPOSAL_KINDS),
  subject: z.string(),
  at: z.string(),
  asked: amount,
  held: amount,
  effect: z.object({ metric: z.enum(EFFECT_METRICS), before: amount, goal: amount }),
  evidence: z.object({
    probability: amount,
    samples: amount,
    figures: z.array(z.object({ name: z.string(), value: amount })),
    text: z.string(),
  }),
  expiresAtMs: amount,
  peer: z.string(),
  seconds: z.array(z.string()),
  proposedAtMs: amount,
  decision: z
    .object({
      verdict: z.enum(VERDICTS),
      by: z.enum(DECIDERS),
      author: z.string(),
      clause: z.string(),
      reason: z.string(),
      latencyMs: amount,
      evidence: z.string(),
      atMs: amount,
    })
    .exactOptional(),
  directive: z
    .object({
      value: amount,
      epoch: amount,
      sequence: amount,
      attempt: amount,
      givenAtMs: amount,
      checkAtMs: amount,
      expiresAtMs: amount,
    })
    .exactOptional(),
  closure: z
    .object({ outcome: z.enum(CLOSURES), measured: amount.exactOptional(), reason: z.string(), atMs: amount })
    .exactOptional(),
})
const listedSchema = z.array(z.tuple([z.string(), proposalSchema]))

const KEY = 'own'

/** What a node decided for itself, on its disk. */
export class OwnStore {
  readonly #kv: KeyValueStore
  readonly #logger: Logger

  constructor(kv: KeyValueStore, logger: Logger) {
    this.#kv = kv
    this.#logger = logger
  }

  async load(): Promise<Listed> {
    try {
      const bytes = await this.#kv.get(KEY)
      return bytes === undefined ? [] : listedSchema.parse(unpack(bytes))
    } catch (error) {
      this.#logger.warn({ error: messageOf(error) }, 'what this node decided for itself cannot be read, and is forgotten')
      return []
    }
  }

  async save(listed: Listed): Promise<void> {
    try {
      await this.#kv.write([{ type: 'put', key: KEY, value: pack(listed) }])
    } catch (error) {
      this.#logger.warn({ error: messageOf(error) }, 'what this node decided for itself is not on disk')
    }
  }
}
