import { z } from 'zod'
import { SYSTEMS } from '../channels.ts'
import { ALERT_ID_LENGTH_MAX, ALERT_SUBJECT_LENGTH_MAX, ALERT_TEXT_LENGTH_MAX } from '../constants.ts'
import { countField, unitField } from '../fields.ts'

/** Pain or pleasure, straight to System 5. On gossip it is a copy for all to see; the alert itself goes by an acknowledged stream. */
export const alertSchema = z.object({
  id: z.string().min(1).max(ALERT_ID_LENGTH_MAX),
  feeling: z.enum(['pain', 'pleasure']),
  severity: z.enum(['low', 'high', 'critical']),
  source: z.object({ system: z.enum(SYSTEMS), unit: unitField.optional() }),
  subject: z.string().min(1).max(ALERT_SUBJECT_LENGTH_MAX),
  text: z.string().max(ALERT_TEXT_LENGTH_MAX),
  /** Wall clock of the source when it began, milliseconds since the epoch. */
  onsetMs: countField,
})

export type Alert = z.infer<typeof alertSchema>
