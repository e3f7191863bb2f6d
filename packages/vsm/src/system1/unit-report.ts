import { z } from 'zod'
import { REPORT_WINDOW_MAX_MS } from '../constants.ts'
import { amountField, countField, unitField } from '../fields.ts'

/** Measured actuality of one unit over the window (System 1 to System 3). */
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
    latencyP50Ms: amountField.nullable(),
    latencyP99Ms: amountField.nullable(),
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
