import { type KeyValueStore, type Logger, messageOf } from '@vsmcp/kernel'
import { Forecaster, MEASURES, type Measure, type SeriesSnapshot } from '@vsmcp/vsm'
import { pack, unpack } from 'msgpackr'
import { z } from 'zod'
import { modelSchema } from '../tree/checkpoints.ts'

const measures = Object.keys(MEASURES) as [Measure, ...Measure[]]
const finite = z.number()

/** A forecaster of another version may hold other models: it begins anew. */
const MODELS = new Forecaster({ resolution: 1 }).snapshot().models.length

const seriesSchema = z.object({
  subject: z.string().max(1_024),
  measure: z.enum(measures),
  last: finite.nullable(),
  forecaster: z.object({
    models: z
      .array(modelSchema)
      .length(MODELS)
      .refine((models) => new Set(models.map((each) => each.hypotheses.length)).size === 1),
    evidence: z.array(finite).length(MODELS),
  }),
  skill: z.array(z.object({ error: finite, naiveError: finite, inBand: z.boolean() })),
})
const storedSchema = z.object({ atMs: finite, series: seriesSchema })

/** Series on disk, each under a key of its own, with the time of its last tick. */
export class OutlookStore {
  readonly #kv: KeyValueStore
  readonly #logger: Logger

  constructor(kv: KeyValueStore, logger: Logger) {
    this.#kv = kv
    this.#logger = logger
  }

  /** What cannot be read is left out, and said. */
  async all(): Promise<{ atMs: number; series: SeriesSnapshot }[]> {
    const found: { atMs: number; series: SeriesSnapshot }[] = []
    const onDamaged = (series: string, error: unknown): void =>
      this.#logger.warn({ series, error: messageOf(error) }, 'a forecast of the last life cannot be read, and begins anew')
    for await (const [key, bytes] of this.#kv.entries({ gte: '', lt: '\u{10FFFF}', onDamaged })) {
      try {
        found.push(storedSchema.parse(unpack(bytes)))
      } catch (error) {
        onDamaged(key, error)
      }
    }
    return found
  }

  async save(series: readonly SeriesSnapshot[], atMs: number): Promise<void> {
    if (series.length === 0) return
    await this.#kv.write(series.map((each) => ({ type: 'put', key: keyOf(each), value: pack({ atMs, series: each }) })))
  }

  async remove(series: readonly { subject: string; measure: Measure }[]): Promise<void> {
    if (series.length === 0) return
    await this.#kv.write(series.map((each) => ({ type: 'del', key: keyOf(each) })))
  }
}

function keyOf({ subject, measure }: { subject: string; measure: Measure }): string {
  return `${measure} ${subject}`
}
