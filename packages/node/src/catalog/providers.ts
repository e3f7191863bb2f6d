import { providersOf, type UnitClaim } from '@vsmcp/consensus'
import type { PeerIdString, UnitName } from '@vsmcp/kernel'
import { canonicalDefinitions } from '@vsmcp/mcp'
import type { SharedRecord } from '@vsmcp/state'
import { sha256Hex } from '../sha256.ts'
import { fromRecord, type PublishedUnit } from './published-unit.ts'

/** One node that runs a unit, and what it offers. */
export interface Provider {
  readonly node: PeerIdString
  readonly offer: PublishedUnit
  /** It offers just what the unit is declared to offer: only such are called. */
  readonly isAgreed: boolean
}

export interface CatalogUnit {
  readonly unit: UnitName
  /** Whose offer is listed: the first provider, unless it offers something else than it declared. */
  readonly node: PeerIdString
  readonly offer: PublishedUnit
  /** In the docket's order, those that have published what they offer. */
  readonly providers: readonly Provider[]
  /** Those that agree. */
  readonly callable: readonly PeerIdString[]
}

/**
 * A unit from what its providers published, each under its own signature. A unit with one provider is what that one publishes. Of several
 * those count whose definitions have the digest that the docket names, computed here: what a record says of its own digest is no proof.
 * Where none has it (the first provider has changed, and the group cannot decide now) the first provider's word stands.
 * @returns undefined while nobody who may has published anything
 */
export function catalogUnit(unit: UnitName, claim: UnitClaim, records: readonly SharedRecord[]): CatalogUnit | undefined {
  const published = providersOf(claim).flatMap((node) => {
    const record = records.find(({ writer }) => writer === node)
    const offer = record === undefined ? undefined : fromRecord(record)
    return offer === undefined ? [] : [{ node, offer }]
  })
  const [first] = published
  if (first === undefined) return undefined
  if (claim.replicas === undefined) return { unit, ...first, providers: [{ ...first, isAgreed: true }], callable: [first.node] }
  const digests = published.map(({ offer }) => digestOf(offer))
  const own = first.node === claim.peer ? digests[0] : undefined
  const wanted = claim.digest !== undefined && digests.includes(claim.digest) ? claim.digest : own
  const providers = published.map((provider, at) => ({
    ...provider,
    isAgreed: wanted !== undefined && digests[at] === wanted,
  }))
  const agreed = providers.filter(({ isAgreed }) => isAgreed)
  const [listed] = agreed
  if (listed === undefined) return undefined
  return { unit, node: listed.node, offer: listed.offer, providers, callable: agreed.map(({ node }) => node) }
}

/** An offer never changes: its digest is computed once, and only where there is something to compare with. */
const digests = new WeakMap<PublishedUnit, string>()

function digestOf(offer: PublishedUnit): string | undefined {
  const known = digests.get(offer)
  if (known !== undefined) return known
  try {
    const digest = sha256Hex(canonicalDefinitions(offer))
    digests.set(offer, digest)
    return digest
  } catch {
    // Nested too deep for anybody's server.
    return undefined
  }
}
