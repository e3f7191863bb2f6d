import type { PeerIdString, UnitName } from '@vsmcp/kernel'
import { type Claim, contended } from './claim.ts'
import type { ClaimWatch } from './claim-watch.ts'
import { CLAIM_FAILED_MS, CLAIM_HOLD_MAX_MS, CLAIM_REVOKE_AFTER_MS } from './constants.ts'

/** Voters see a member fail, and read an entry, at different times: they bear out what is so for this part of the leader's time. */
const VOTERS_SHARE = 0.5

/** Which claim is meant. */
interface OfClaim {
  readonly peer: PeerIdString
  readonly unit: UnitName
  readonly askedAtIndex: number
}

/** What a majority of the voters has to bear out before it is so; `@vsmcp/consensus` decides it. */
export type ClaimOperation =
  | (OfClaim & { readonly op: 'claim:recall'; readonly why: 'failed' | 'overdue' })
  | (OfClaim & { readonly op: 'claim:revoke' })

export interface ClaimJudgement {
  readonly claims: readonly Claim[]
  readonly watch: ClaimWatch
  /** How this voter itself sees a member, and for how long. */
  readonly sees: (peer: PeerIdString) => { readonly state: string; readonly forMs: number }
  readonly monotonicMs: number
}

/** What System 5 should have the voters sign now: claims to be called back, and those whose recall is old enough to take them away. */
export function claimsToSettle(judgement: ClaimJudgement): readonly ClaimOperation[] {
  const { claims, watch, monotonicMs } = judgement
  const waitedFor = new Set(contended(claims))
  return claims.flatMap((claim): ClaimOperation[] => {
    const { peer, unit, askedAtIndex, token, recalledAtIndex } = claim
    if (token === undefined) return []
    const of = { peer, unit, askedAtIndex }
    if (recalledAtIndex !== undefined) {
      return watch.recalledForMs(claim, monotonicMs) < CLAIM_REVOKE_AFTER_MS ? [] : [{ op: 'claim:revoke', ...of }]
    }
    if (!waitedFor.has(claim)) return []
    const { state, forMs } = judgement.sees(peer)
    if (state !== 'alive' && forMs >= CLAIM_FAILED_MS) return [{ op: 'claim:recall', ...of, why: 'failed' }]
    if (watch.contendedForMs(claim, monotonicMs) < CLAIM_HOLD_MAX_MS) return []
    return [{ op: 'claim:recall', ...of, why: 'overdue' }]
  })
}

/** Why this voter does not bear it out; undefined when it does. */
export function objectionToClaim(operation: ClaimOperation, judgement: ClaimJudgement): string | undefined {
  const { watch, sees, monotonicMs } = judgement
  const { peer, unit, askedAtIndex } = operation
  const claim = judgement.claims.find(
    (each) => each.peer === peer && each.unit === unit && each.askedAtIndex === askedAtIndex && each.token !== undefined,
  )
  if (claim === undefined) return `${peer} holds no such claim for ${unit} here`
  if (operation.op === 'claim:revoke') {
    // No share of it: this is what the holder's own rule rests on.
    const forMs = watch.recalledForMs(claim, monotonicMs)
    return forMs >= CLAIM_REVOKE_AFTER_MS ? undefined : `the claim of ${unit} is recalled for ${Math.round(forMs)} ms here`
  }
  if (operation.why === 'overdue') {
    const forMs = watch.contendedForMs(claim, monotonicMs)
    return forMs >= VOTERS_SHARE * CLAIM_HOLD_MAX_MS ? undefined : `others wait for ${unit} for ${Math.round(forMs)} ms here`
  }
  const { state, forMs } = sees(peer)
  if (state === 'alive') return `${peer} is alive, as seen from here`
  return forMs >= VOTERS_SHARE * CLAIM_FAILED_MS ? undefined : `${peer} is away for ${Math.round(forMs)} ms, as seen from here`
}
