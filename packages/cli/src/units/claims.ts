import type { AttachRequest } from '@vsmcp/node'
import { UsageError } from '../errors.ts'

const SHARED = ':shared'

/** `NAME` or `NAME:shared`, several, into what the node takes. */
export function parseClaims(given: readonly string[]): NonNullable<AttachRequest['claims']> {
  return given.map((each) => {
    const shared = each.endsWith(SHARED)
    const resource = shared ? each.slice(0, -SHARED.length) : each
    const [name = '', ...more] = resource.split(':')
    if (name === '' || more.length > 0) {
      throw new UsageError(`"${each}" names no resource to claim`, { hint: 'Give NAME, or NAME:shared, without another ":".' })
    }
    return { resource, shared }
  })
}
