import type { UnitName } from '@vsmcp/kernel'
import { z } from 'zod'
import { PEER_ID_LENGTH_MAX, REPORT_WINDOW_MAX_MS } from '../constants.ts'
import { amountField, countField, digestField, unitField } from '../fields.ts'
import { LATENCY_MAX_MS, RATE_MAX_PER_S, REPORT_CALLERS_MAX } from './constants.ts'
import type { UnitFigures } from './unit-meter.ts'

const latencyField = amountField.max(LATENCY_MAX_MS)
const rateField = amountField.max(RATE_MAX_PER_S)

/** What the unit did for one caller since it began to count. */
const callerAccountSchema = z.object({
  node: z.string().min(1).max(PEER_ID_LENGTH_MAX),
  /** Requests that the server answered with a result, and with an error. */
  answered: countField,
  refused: countField,
  /** Their latencies at the host, summed. */
  latencyMs: amountField,
})

/** Since when the report below is made so; older versions leave it out, and older readers drop it. */
const measuredSchema = z.object({
  /** When the unit began to count, milliseconds since the epoch; another one ends what was counted before. */
  life: countField,
  /** Number of the report in that life. */
  ordinal: countField,
  /** Calls that the server answered within the window, be it with an error: what the latencies are of. */
  answered: countField,
  turnedAway: countField,
  queued: countField,
  latencyMaxMs: latencyField.nullable(),
  /** Beer's three figures, calls per second. */
  actuality: rateField,
  capability: rateField.nullable(),
  potentiality: rateField.nullable(),
  /** Those with most calls, when there are more. */
  callers: z.array(callerAccountSchema).max(REPORT_CALLERS_MAX),
  /** Digest of the definitions it offers. */
  digest: digestField.nullable(),
})

/** What one unit did over the window (System 1 to System 3). */
export const unitReportSchema = z
  .object({
    unit: unitField,
    windowMs: z.number().positive().max(REPORT_WINDOW_MAX_MS),
    /** Calls that ended within the window, and how many of them with an error. */
    calls: countField,
    errors: countField,
    /** Calls under way at its end. */
    inFlight: countField,
    /** Null when no call ended within the window. */
    latencyP50Ms: latencyField.nullable(),
    latencyP99Ms: latencyField.nullable(),
    measured: measuredSchema.exactOptional(),
  })
  .refine((report) => report.errors <= report.calls, { message: 'more errors than calls', path: ['errors'] })
  .refine((report) => (report.latencyP50Ms === null) === (report.latencyP99Ms === null), {
    message: 'one percentile without the other',
    path: ['latencyP99Ms'],
  })
  .refine((report) => (report.latencyP50Ms ?? 0) <= (report.latencyP99Ms ?? 0), {
    message: 'the 99th percentile is below the median',
    path: ['latencyP99Ms'],
  })

export type UnitReport = z.infer<typeof unitReportSchema>
export type MeasuredReport = z.infer<typeof measuredSchema>
export type ReportedAccount = z.infer<typeof callerAccountSchema>

/** What there is to report of a unit. */
export interface Reportable {
  readonly unit: UnitName
  /** When it began to count, milliseconds since the epoch, and which report since then this is. */
  readonly life: number
  readonly ordinal: number
  readonly figures: UnitFigures
  /** Of the calls answered within the window; undefined without one. */
  readonly latencies: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number } | undefined
  /** In any order, however many. */
  readonly callers: readonly ReportedAccount[]
  readonly digest: string | null
}

/** The report of one window. */
export function unitReportOf({ unit, life, ordinal, figures, latencies, callers, digest }: Reportable): UnitReport {
  const { windowMs, calls, errors, answered, inFlight, queued, turnedAway, actuality, capability, potentiality } = figures
  const { p50Ms = null, p99Ms = null, maxMs = null } = latencies ?? {}
  const most = callers.toSorted((a, b) => b.answered + b.refused - a.answered - a.refused).slice(0, REPORT_CALLERS_MAX)
  return {
    unit,
    windowMs,
    calls,
    errors,
    inFlight,
    latencyP50Ms: p50Ms,
    latencyP99Ms: p99Ms,
    measured: {
      life,
      ordinal,
      answered,
      turnedAway,
      queued,
      latencyMaxMs: maxMs,
      actuality,
      capability,
      potentiality,
      callers: most,
      digest,
    },
  }
}
