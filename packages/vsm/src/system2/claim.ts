import type { ClaimedResource } from '@vsmcp/kernel'

/** A claim as the group's docket has it; `@vsmcp/consensus` decides them. */
export interface Claim {
  readonly peer: string
  readonly unit: string
  readonly resources: readonly ClaimedResource[]
  /** Place in the queue, and which of a unit's claims this is. */
  readonly askedAtIndex: number
  /** Fencing token, of `epoch`; absent while it waits. */
  readonly token?: number
  readonly epoch?: number
  readonly recalledAtIndex?: number
}

/** Claims that are held while others, which cannot have them together, wait. */
export function contended<C extends Claim>(claims: Iterable<C>): readonly C[] {
  const all = [...claims]
  /** By resource: whether all that wait for it would share it. */
  const wanted = new Map<string, boolean>()
  for (const { token, resources } of all) {
    if (token !== undefined) continue
    for (const { resource, shared } of resources) wanted.set(resource, shared && (wanted.get(resource) ?? true))
  }
  return all.filter(
    ({ token, resources }) =>
      token !== undefined &&
      resources.some(({ resource, shared }) => {
        const sharedByAll = wanted.get(resource)
        return sharedByAll !== undefined && !(shared && sharedByAll)
      }),
  )
}
