import { describe, expect, it } from 'vitest'
import {
  CLAIM_FAILED_MS,
  CLAIM_HOLD_MAX_MS,
  CLAIM_REVOKE_AFTER_MS,
  type Claim,
  type ClaimJudgement,
  claimsToSettle,
  ClaimWatch,
  objectionToClaim,
} from '../src/index.ts'

const ASKED: Claim = { peer: 'd', unit: 'arm-driver', resources: [{ resource: 'arm', shared: false }], askedAtIndex: 7 }
const HELD: Claim = { ...ASKED, token: 7, epoch: 1 }
const WAITING: Claim = { ...ASKED, peer: 'a', unit: 'painter', askedAtIndex: 8 }

/** How it is `forMs` after these claims were first read, with the holder in such a state for so long. */
function judgement(
  claims: readonly Claim[],
  forMs: number,
  state: 'alive' | 'failed' = 'alive',
  seenForMs = forMs,
): ClaimJudgement {
  const watch = new ClaimWatch()
  watch.follow(claims, 0)
  return { claims, watch, sees: () => ({ state, forMs: seenForMs }), monotonicMs: forMs }
}

const of = { peer: 'd', unit: 'arm-driver', askedAtIndex: 7 }

describe('a claim is called back', () => {
  it('when its holder is gone and others wait, and not before', () => {
    const both = [HELD, WAITING]
    expect(claimsToSettle(judgement([HELD], CLAIM_FAILED_MS, 'failed'))).toEqual([])
    expect(claimsToSettle(judgement(both, CLAIM_FAILED_MS, 'alive'))).toEqual([])
    expect(claimsToSettle(judgement(both, CLAIM_FAILED_MS - 1, 'failed'))).toEqual([])
    const recall = { op: 'claim:recall', ...of, why: 'failed' } as const
    expect(claimsToSettle(judgement(both, CLAIM_FAILED_MS, 'failed'))).toEqual([recall])
    expect(objectionToClaim(recall, judgement(both, CLAIM_FAILED_MS, 'failed'))).toBeUndefined()
    expect(objectionToClaim(recall, judgement(both, CLAIM_FAILED_MS, 'alive'))).toContain('is alive')
    expect(objectionToClaim(recall, judgement(both, 1_000, 'failed'))).toContain('is away for')
  })

  it('when it keeps others waiting for very long, and not before', () => {
    const recall = { op: 'claim:recall', ...of, why: 'overdue' } as const
    expect(claimsToSettle(judgement([HELD, WAITING], CLAIM_HOLD_MAX_MS - 1))).toEqual([])
    expect(claimsToSettle(judgement([HELD, WAITING], CLAIM_HOLD_MAX_MS))).toEqual([recall])
    expect(objectionToClaim(recall, judgement([HELD, WAITING], CLAIM_HOLD_MAX_MS))).toBeUndefined()
    expect(objectionToClaim(recall, judgement([HELD], CLAIM_HOLD_MAX_MS))).toContain('others wait')
    expect(objectionToClaim({ ...recall, askedAtIndex: 6 }, judgement([HELD], CLAIM_HOLD_MAX_MS))).toContain('no such claim')
  })

  it('and taken away only when its holder must have stopped, by the clock of each voter', () => {
    const recalled = { ...HELD, recalledAtIndex: 9 }
    const revoke = { op: 'claim:revoke', ...of } as const
    expect(claimsToSettle(judgement([recalled], CLAIM_REVOKE_AFTER_MS - 1, 'failed'))).toEqual([])
    expect(claimsToSettle(judgement([recalled], CLAIM_REVOKE_AFTER_MS))).toEqual([revoke])
    expect(objectionToClaim(revoke, judgement([recalled], CLAIM_REVOKE_AFTER_MS))).toBeUndefined()
    expect(objectionToClaim(revoke, judgement([recalled], CLAIM_REVOKE_AFTER_MS - 1, 'failed'))).toContain('recalled for')
    expect(objectionToClaim(revoke, judgement([HELD], CLAIM_REVOKE_AFTER_MS, 'failed'))).toContain('recalled for')
  })
})
