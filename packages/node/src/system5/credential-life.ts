import type { Charter, Member } from '@vsmcp/consensus'
import { parseDurationMs } from '@vsmcp/kernel'
import { CREDENTIAL_LIFE_MS } from '@vsmcp/security'
import { CREDENTIAL_LIFE_MIN_MS } from '../constants.ts'

/** Policy that shortens the life of credentials: a duration such as `30d`. */
export const CREDENTIAL_LIFE_POLICY = 'credentialLife'

/**
 * How long a credential of this member may live, milliseconds: 90 days, or as the policy says, and of an ephemeral member no
 * longer than twice its absence.
 */
export function credentialLifeMs({ policies }: Charter, { ephemeral, absenceMs }: Member): number {
  const limits = [CREDENTIAL_LIFE_MS, policyOf(policies[CREDENTIAL_LIFE_POLICY])]
  if (ephemeral === true && absenceMs !== undefined) limits.push(2 * absenceMs)
  return Math.max(Math.min(...limits), CREDENTIAL_LIFE_MIN_MS)
}

/** What is no duration limits nothing: the policy was checked when it was set, by whatever version did. */
function policyOf(value: unknown): number {
  if (typeof value !== 'string') return CREDENTIAL_LIFE_MS
  try {
    return parseDurationMs(value)
  } catch {
    return CREDENTIAL_LIFE_MS
  }
}
