import { z } from 'zod'
import { amountField, countField } from '../fields.ts'

/** What System 3 of one node sees of it (System 3 to System 5). */
export const controlReportSchema = z.object({
  units: countField,
  /** Calls under way in all of its units. */
  inFlight: countField,
  eventLoopLagMs: amountField,
  rssBytes: countField,
})

export type ControlReport = z.infer<typeof controlReportSchema>
