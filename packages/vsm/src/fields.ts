import { UNIT_NAME_PATTERN } from '@vsmcp/kernel'
import { z } from 'zod'

/** A count of something: finite, whole, not negative. */
export const countField = z.int().nonnegative()

/** A measured amount (milliseconds, bytes): finite and not negative. */
export const amountField = z.number().nonnegative()

export const unitField = z.string().regex(UNIT_NAME_PATTERN)

/** Hex SHA-256. */
export const digestField = z.string().regex(/^[0-9a-f]{64}$/)
