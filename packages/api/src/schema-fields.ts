import { UNIT_NAME_PATTERN } from '@vsmcp/kernel'
import { z } from 'zod'

// What the shapes of `/v1` are made of.

export const unitName = z
  .string()
  .regex(UNIT_NAME_PATTERN, 'a unit is named with a-z, 0-9 and "-", at most 24 characters, the first not "-"')
export const count = z.int().nonnegative()
export const text = z.string()
export const nullableText = z.string().nullable()

/** What every operator's signature covers comes as it was signed. */
export const signed = { operator: text.min(1), reason: text.min(1), signedAtMs: count, signature: text.min(1) }

/** A query carries text only: `true`, `false` and digits become what they say, and so do the JSON values. */
export const queryBoolean = z.union([z.boolean(), z.enum(['true', 'false']).transform((value) => value === 'true')])
