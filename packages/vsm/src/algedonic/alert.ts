import { z } from 'zod'
import { ALERT_COPY_TEXT_LENGTH_MAX, ALERT_ID_LENGTH_MAX } from '../constants.ts'
import { countField } from '../fields.ts'
import { signalSchema, sourceSchema } from './signal.ts'

/** Pain or pleasure, straight to System 5. On gossip it is a copy for all to see; the alert itself is decided by a quorum. */
export const alertSchema = signalSchema.extend({
  id: z.string().min(1).max(ALERT_ID_LENGTH_MAX),
  text: z.string().max(ALERT_COPY_TEXT_LENGTH_MAX),
  /** Versions before had organs only. */
  source: sourceSchema.extend({ origin: sourceSchema.shape.origin.default('organ') }),
  /** Wall clock of the source when it began, milliseconds since the epoch. */
  onsetMs: countField,
})

export type Alert = z.infer<typeof alertSchema>
