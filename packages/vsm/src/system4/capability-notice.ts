import { z } from 'zod'
import { CAPABILITY_NAME_LENGTH_MAX } from '../constants.ts'
import { digestField, unitField } from '../fields.ts'

/** Something the group can do came, went or changed (System 4 to System 5 and System 3). */
export const capabilityNoticeSchema = z.object({
  event: z.enum(['appeared', 'vanished', 'changed']),
  unit: unitField,
  kind: z.enum(['tool', 'resource', 'prompt']),
  name: z.string().min(1).max(CAPABILITY_NAME_LENGTH_MAX),
  /** Hex SHA-256 of the definition; of the last one when it vanished. */
  digest: digestField,
})

export type CapabilityNotice = z.infer<typeof capabilityNoticeSchema>
