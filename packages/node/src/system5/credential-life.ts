import { type Charter, GROUPS_LEVEL, type Member } from '@vsmcp/consensus'
import { parseDurationMs } from '@vsmcp/kernel'
import { CREDENTIAL_LIFE_MS } from '@vsmcp/security'
import { CREDENTIAL_LIFE_MIN_MS, DELEGATE_CREDENTIAL_LIFE_MS } from '../constants.ts'

/** Policy that shortens the life of credentials: a duration such as `30d`. */
export const CREDENTIAL_LIFE_POLICY = 'credentialLife'

/**
 * How long a credential of this member may live, milliseconds: 90 days, or as the policy says, of a delegate a day, and of an ephemeral member no
 * longer than twice its absence.
 */
export function credentialLifeMs(charter: Charter, member: Member): number {
  const limits = [CREDENTIAL_LIFE_MS, policyOf(charter.policies[CREDENTIAL_LIFE_POLICY]), countsForMs(charter, member)]
  if (member.ephemeral === true && member.absenceMs !== undefined) limits.push(2 * member.absenceMs)
  return Math.max(Math.min(...limits), CREDENTIAL_LIFE_MIN_MS)
}

/** How long after it was issued a credential of this member counts at most, milliseconds, whatever it says: who becomes a delegate may hold a longer one. */
export function countsForMs({ featureLevel }: Charter, { delegateOf }: Member): number {
  return delegateOf !== undefined && featureLevel >= GROUPS_LEVEL ? DELEGATE_CREDENTIAL_LIFE_MS : Number.POSITIVE_INFINITY
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
