import { type ClaimedResource, type GroupId, type KeyValueStore, messageOf, type UnitName } from '@vsmcp/kernel'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { FallbackAnswers } from '../degradation/contract.ts'
import type { UnitSource, UnitTerms } from './contract.ts'
import { fallbacksSchema } from '../degradation/checked-fallbacks.ts'
import { unitTermsSchema } from '../system3/unit-terms.ts'

const sourceSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('stdio'),
    command: z.string(),
    args: z.array(z.string()),
    env: z.record(z.string(), z.string()),
    cwd: z.string(),
  }),
  z.object({
    kind: z.literal('worker'),
    module: z.string(),
    threads: z.number(),
    threadMemoryMb: z.number(),
    env: z.record(z.string(), z.string()),
    cwd: z.string(),
  }),
  z.object({ kind: z.literal('http'), url: z.string(), headers: z.record(z.string(), z.string()) }),
  z.object({ kind: z.literal('group'), group: z.string() }),
])

/** A group below, which its delegates run as a unit; people attach servers only. */
export type StoredSource = UnitSource | { kind: 'group'; group: GroupId }

/** Of one unit as stored, and as a backup holds it. */
export const unitSpecSchema = z.object({
  name: z.string(),
  source: sourceSchema,
  startTimeoutMs: z.number(),
  replica: z.literal(true).exactOptional(),
  terms: unitTermsSchema.exactOptional(),
  claims: z.array(z.object({ resource: z.string(), shared: z.boolean() })).exactOptional(),
  fallbacks: fallbacksSchema.exactOptional(),
})

/** How to start a unit again. Stays on this node. */
export interface StoredUnitSpec {
  name: UnitName
  source: StoredSource
  startTimeoutMs: number
  /** Other nodes may run the same unit. */
  replica?: true
  /** Absent when it works on the ordinary terms. */
  terms?: UnitTerms
  /** In order of name; absent when it claims nothing. */
  claims?: ClaimedResource[]
  /** Absent when nothing stands in for its answers. */
  fallbacks?: FallbackAnswers
}

/** What was attached here, kept over restarts. */
export class UnitSpecs {
  readonly #store: KeyValueStore

  constructor(store: KeyValueStore) {
    this.#store = store
  }

  /** @param onDamaged told of each that cannot be read; the others are not held up by it */
  async all(onDamaged: (key: string, reason: string) => void): Promise<StoredUnitSpec[]> {
    const specs: StoredUnitSpec[] = []
    const leaveOut = (key: string, error: unknown): void => onDamaged(key, messageOf(error))
    for await (const [key, value] of this.#store.entries({ gte: '', lt: '\uffff', onDamaged: leaveOut })) {
      try {
        specs.push(unitSpecSchema.parse(JSON.parse(Buffer.from(value).toString('utf8'))))
      } catch (error) {
        leaveOut(key, error)
      }
    }
    return specs
  }

  async put(spec: StoredUnitSpec): Promise<void> {
    const value = Buffer.from(JSON.stringify(spec))
    await this.#store.write([{ type: 'put', key: spec.name, value }], { sync: true })
  }

  async remove(name: UnitName): Promise<void> {
    await this.#store.write([{ type: 'del', key: name }], { sync: true })
  }
}

/** Whether both are started, and claim, alike. */
export function isSameUnit(a: StoredUnitSpec, b: StoredUnitSpec): boolean {
  return isDeepStrictEqual(a.source, b.source) && isDeepStrictEqual(a.claims, b.claims)
}
