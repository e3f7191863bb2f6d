import type { Charter } from '@vsmcp/consensus'
import { type Governance, readGovernance } from '@vsmcp/vsm'

/** Read once for each version of the policies: they are asked for at every pass. */
const READ = new WeakMap<object, Governance>()

/** Identity and policies of System 5, as the charter has them. */
export function governanceOf(charter: Pick<Charter, 'policies'> | undefined): Governance {
  const policies = charter?.policies ?? NONE
  const known = READ.get(policies)
  if (known !== undefined) return known
  const read = readGovernance(policies)
  READ.set(policies, read)
  return read
}

const NONE: Charter['policies'] = {}
