import { UNIT_NAME_PATTERN } from '@vsmcp/kernel'
import { z } from 'zod'

/** UTF-16 units of a tool's name, or of the beginning of one. */
const PATTERN_LENGTH_MAX = 64

/** A count of something: finite, whole, not negative. */
export const countField = z.int().nonnegative()

/** A measured amount (milliseconds, bytes): finite and not negative. */
export const amountField = z.number().nonnegative()

export const unitField = z.string().regex(UNIT_NAME_PATTERN)

/** Hex SHA-256. */
export const digestField = z.string().regex(/^[0-9a-f]{64}$/)

/** A name of a tool; `*` at the end stands for any ending. */
export const patternField = z
  .string()
  .max(PATTERN_LENGTH_MAX)
  .regex(/^[^*\p{Cc}\u2028\u2029]+\*?$/u, 'a name is needed, with * at its end at the most')
