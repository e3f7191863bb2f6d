import { z } from 'zod'
import { PEER_ID_LENGTH_MAX } from '../constants.ts'
import { countField, digestField } from '../fields.ts'

/** Who is System 5 and which charter stands (System 5 to System 3). The log decides; this only tells. */
export const policyNoticeSchema = z.object({
  leader: z.string().min(1).max(PEER_ID_LENGTH_MAX),
  epoch: countField,
  term: countField,
  /** Log index up to which the charter is applied. */
  index: countField,
  /** Hex SHA-256 of the charter as carried. */
  charterDigest: digestField,
  /** Wall time of the leader when its term began, milliseconds since the Unix epoch. */
  sinceMs: countField.exactOptional(),
})

export type PolicyNotice = z.infer<typeof policyNoticeSchema>
