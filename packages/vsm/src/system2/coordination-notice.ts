import { z } from 'zod'
import { CAPABILITY_NAME_LENGTH_MAX } from '../constants.ts'
import { countField, unitField } from '../fields.ts'

/** The docket gave a bare name to a unit, or took it back (System 2 to System 1). The docket decides; this only tells. */
export const coordinationNoticeSchema = z.object({
  event: z.enum(['name-granted', 'name-released']),
  name: z.string().min(1).max(CAPABILITY_NAME_LENGTH_MAX),
  unit: unitField,
  /** Log index of the decision. */
  index: countField,
})

export type CoordinationNotice = z.infer<typeof coordinationNoticeSchema>
