import { type ClaimedResource, InvalidArgumentError } from '@vsmcp/kernel'
import { CLAIM_NAME_LENGTH_MAX, CLAIMS_PER_UNIT_MAX } from '../constants.ts'

/** As the docket takes them: in order of name, each once, names that can be shown. Throws `InvalidArgumentError`. */
export function checkedClaims(claims: readonly ClaimedResource[]): ClaimedResource[] {
  if (claims.length > CLAIMS_PER_UNIT_MAX) {
    throw new InvalidArgumentError(`a unit claims up to ${CLAIMS_PER_UNIT_MAX} resources, and this one ${claims.length}`, {
      hint: 'What is always used together can be one resource.',
    })
  }
  const sorted = claims.map(({ resource, shared }) => ({ resource, shared })).sort((a, b) => (a.resource < b.resource ? -1 : 1))
  for (const [i, { resource }] of sorted.entries()) {
    if (
      resource.length === 0 ||
      resource.length > CLAIM_NAME_LENGTH_MAX ||
      /[\p{Cc}\u2028\u2029]/u.test(resource) ||
      !resource.isWellFormed()
    ) {
      throw new InvalidArgumentError(`"${resource}" cannot be the name of a resource`, {
        hint: `Use 1 to ${CLAIM_NAME_LENGTH_MAX} characters, none of them a control character.`,
      })
    }
    if (sorted[i + 1]?.resource === resource) throw new InvalidArgumentError(`the resource ${resource} is claimed twice`)
  }
  return sorted
}
