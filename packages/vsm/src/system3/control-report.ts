import { z } from 'zod'
import { amountField, countField, unitField } from '../fields.ts'
import { EXCEPTIONS_TOLD_MAX } from './constants.ts'
import { RATE_MAX_PER_S } from '../system1/constants.ts'

/** The last moment a date can hold, milliseconds. */
const WALL_MS_MAX = 8.64e15
const rateField = amountField.max(RATE_MAX_PER_S)

/** What System 3 of one node sees of it (System 3 to System 5). */
export const controlReportSchema = z.object({
  units: countField,
  /** Calls under way in all of its units. */
  inFlight: countField,
  eventLoopLagMs: amountField,
  rssBytes: countField,
  /** What units of the node owe and do not deliver, a share or milliseconds; older versions do not say. */
  exceptions: z
    .array(
      z.object({
        unit: unitField,
        metric: z.enum(['latency', 'errors']),
        target: amountField,
        measured: amountField,
        grave: z.boolean(),
        sinceMs: amountField.max(WALL_MS_MAX),
      }),
    )
    .max(EXCEPTIONS_TOLD_MAX)
    .exactOptional(),
  /** The node as a unit of its group, calls per second; older versions do not say. */
  achievement: z
    .object({ actuality: rateField, capability: rateField.nullable(), potentiality: rateField.nullable() })
    .exactOptional(),
})

export type ControlReport = z.infer<typeof controlReportSchema>
