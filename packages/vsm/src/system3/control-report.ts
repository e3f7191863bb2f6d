import { z } from 'zod'
import { amountField, countField } from '../fields.ts'
import { RATE_MAX_PER_S } from '../system1/constants.ts'

const rateField = amountField.max(RATE_MAX_PER_S)

/** What System 3 of one node sees of it (System 3 to System 5). */
export const controlReportSchema = z.object({
  units: countField,
  /** Calls under way in all of its units. */
  inFlight: countField,
  eventLoopLagMs: amountField,
  rssBytes: countField,
  /** The node as a unit of its group, calls per second; older versions do not say. */
  achievement: z
    .object({ actuality: rateField, capability: rateField.nullable(), potentiality: rateField.nullable() })
    .exactOptional(),
})

export type ControlReport = z.infer<typeof controlReportSchema>
