import { z } from 'zod'
import { ALERT_ID_LENGTH_MAX } from '../constants.ts'
import { countField } from '../fields.ts'
import { REASON_LENGTH_MAX } from './constants.ts'
import { signalSchema } from './signal.ts'

/** An alert of this node, as it is written down. */
export const heldSchema = signalSchema.extend({
  feeling: z.literal('pain'),
  id: z.string().min(1).max(ALERT_ID_LENGTH_MAX),
  count: countField.min(1),
  /** Wall clock, milliseconds: felt first and last. */
  onsetMs: countField,
  lastMs: countField,
  /** `group`: the node has not remedied it in time, or it could not wait. */
  level: z.enum(['node', 'group']),
  /** Why it is over, when System 5 has still to hear that. */
  remedied: z.string().max(REASON_LENGTH_MAX).optional(),
})

export type HeldAlert = z.infer<typeof heldSchema>

/** What has become of an alert that is over. */
export interface OverAlert extends HeldAlert {
  readonly overMs: number
  readonly reason: string
}
