import { InvalidArgumentError, UNIT_NAME_PATTERN } from '@vsmcp/kernel'
import type { AttachRequest, UnitTerms } from './contract.ts'
import { checkedFallbacks } from '../degradation/checked-fallbacks.ts'
import { OWN_UNIT } from '../route/own-offers.ts'
import { checkedClaims } from '../system2/checked-claims.ts'
import { checkedTerms } from '../system3/unit-terms.ts'
import type { StoredSource, StoredUnitSpec } from './unit-specs.ts'

/** A request to attach, with all that its source has besides what a person may write. */
export type UnitRequest = Omit<AttachRequest, 'source'> & { source: StoredSource }

/** What is written down of a unit that is to be attached. Throws `InvalidArgumentError` for what cannot be a unit's. */
export function specOf(request: UnitRequest): StoredUnitSpec {
  const { name, source, startTimeoutMs } = request
  const claims = checkedClaims(request.claims ?? [])
  const fallbacks = checkedFallbacks(request.fallbacks ?? {})
  const terms = checkedTerms(withinThreads(request))
  if (!UNIT_NAME_PATTERN.test(name)) {
    throw new InvalidArgumentError(`"${name}" cannot be a unit's name`, {
      hint: 'Use up to 24 of a-z, 0-9 and "-", beginning with a letter or digit.',
    })
  }
  if (name === OWN_UNIT) {
    throw new InvalidArgumentError(`"${name}" is the name of what the mesh itself offers`, { hint: 'Choose another name.' })
  }
  return {
    name,
    source,
    startTimeoutMs,
    ...(request.replica === true ? { replica: true } : {}),
    ...(Object.keys(terms).length === 0 ? {} : { terms }),
    ...(claims.length === 0 ? {} : { claims }),
    ...(Object.keys(fallbacks).length === 0 ? {} : { fallbacks }),
  }
}

/** More calls than threads would wait in the unit's process, where no caller has its turn and no deadline counts. */
function withinThreads({ source, terms = {} }: Pick<UnitRequest, 'source' | 'terms'>): UnitTerms {
  if (source.kind !== 'worker') return terms
  return { ...terms, concurrency: Math.min(terms.concurrency ?? source.threads, source.threads) }
}
