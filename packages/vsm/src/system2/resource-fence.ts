import { type ClaimedResource } from '@vsmcp/kernel'
import type { ClaimToken } from './claim-holder.ts'

/** The highest tokens under which a resource was used here. */
export interface SeenTokens {
  readonly alone?: ClaimToken
  readonly shared?: ClaimToken
}

/**
 * Refuses an older token: who had a resource alone outranks all before it, and those who share outrank only who had it alone
 * before them. What is seen is kept over restarts by whoever uses this.
 */
export class ResourceFence {
  readonly #seen: Map<string, SeenTokens>

  constructor(seen: Iterable<readonly [string, SeenTokens]> = []) {
    this.#seen = new Map(seen)
  }

  /** @returns what is new and must be written down before anything is done under the token; `undefined` when it is refused */
  admit(resources: readonly ClaimedResource[], token: ClaimToken): readonly (readonly [string, SeenTokens])[] | undefined {
    const changed: (readonly [string, SeenTokens])[] = []
    for (const { resource, shared } of resources) {
      const { alone, shared: sharedBefore } = this.#seen.get(resource) ?? {}
      if (isLower(token, alone) || (!shared && isLower(token, sharedBefore))) return undefined
      const now = shared
        ? { ...(alone && { alone }), shared: isLower(token, sharedBefore) && sharedBefore ? sharedBefore : token }
        : { alone: token, ...(sharedBefore && { shared: sharedBefore }) }
      changed.push([resource, now])
    }
    for (const [resource, now] of changed) this.#seen.set(resource, now)
    return changed
  }
}

function isLower(token: ClaimToken, than: ClaimToken | undefined): boolean {
  if (than === undefined) return false
  return token.epoch === than.epoch ? token.token < than.token : token.epoch < than.epoch
}
