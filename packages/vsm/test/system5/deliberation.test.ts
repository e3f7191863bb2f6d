import type { Proposal, Proposer, VerdictWord } from '@vsmcp/kernel'
import { describe, expect, it, test } from 'vitest'
import { type Balance, deliberate, type Listed, resourcedShare, situationOf } from '../../src/index.ts'
import { balanceOf } from '../../src/system5/balance.ts'
import { decision, given, governed, lack, proposal } from '../support/proposal-fixture.ts'

const here = (): boolean => true
const pass = (listed: Listed, nowMs = 100, isThere: (each: Proposal) => boolean = here) =>
  deliberate(listed, situationOf(listed, governed(), nowMs), isThere)

/** Decisions in their order: `3+` accepted of System 3, `4-` refused of System 4, `4.` waiting. */
function history(text: string): Proposal[] {
  return text.split(' ').map((word, at) => {
    const from: Proposer = word.startsWith('3') ? 'system3' : 'system4'
    const verdict: VerdictWord = word.endsWith('+') ? 'accepted' : 'refused'
    const decided = word.endsWith('.') ? {} : { decision: decision({ verdict, clause: 'policy.evidence', atMs: at }) }
    return (from === 'system3' ? proposal : lack)({ subject: `x${at}`, ...decided })
  })
}
const balance = (text: string): Balance => balanceOf(history(text), governed().policy)

describe('the balance of Systems 3 and 4', () => {
  it('is counted: what was proposed, decided and resourced, each side', () => {
    const { sides, starved } = balance('3+ 3- 4+ 3+ 4.')
    expect(sides).toEqual({
      system3: { proposed: 3, decided: 3, resourced: 2 },
      system4: { proposed: 2, decided: 1, resourced: 1 },
    })
    expect(resourcedShare(sides, 'system3')).toBeCloseTo(2 / 3)
    expect(starved).toBeNull()
  })

  it('says that a side starves when it asks in vain while the other is fed', () => {
    expect(balance('3+ 4- 3+ 4- 3+ 4-').starved).toBe('system4')
    expect(balance('4+ 3- 4+ 3- 4+ 3.').starved).toBe('system3')
  })

  it('says nothing of who does not ask, of two that get nothing, or after too few decisions', () => {
    expect(balance('3+ 3+ 3+ 3+ 3+ 3+').starved).toBeNull()
    expect(balance('3- 4- 3- 4- 3- 4-').starved).toBeNull()
    expect(balance('3+ 4- 3+ 4-').starved).toBeNull()
  })

  it('does not tremble: who starved does until it has a good share, not until it has just enough', () => {
    const starving = '3+ 4- 3+ 4- 3+ 4- 3+'
    expect(balance(`${starving} 4+ 4-`).starved).toBe('system4') // 1 of 5
    expect(balance(`3+ 3+ 3+ 4+ 4- 4-`).starved).toBeNull() // 1 of 4, never below the lower bound
    expect(balance(`${starving} 4+ 4+`).starved).toBe('system4') // 2 of 6: above the lower bound
    expect(balance(`${starving} 4+ 4+ 4+`).starved).toBeNull() // 3 of 7
  })

  it('looks back upon a window of decisions, not for ever', () => {
    const old = Array.from({ length: 20 }, () => '3+ 4-').join(' ')
    const since = Array.from({ length: 10 }, () => '3+ 4+').join(' ')
    expect(balance(old).starved).toBe('system4')
    expect(balance(`${old} ${since}`).starved).toBeNull()
  })

  it('does not count what contradicts the identity: asking for that is no starving', () => {
    const hostile = history('3+ 4- 3+ 4- 3+ 4-').map((each) =>
      each.from === 'system4' ? { ...each, decision: decision({ verdict: 'refused', clause: 'identity.never' }) } : each,
    )
    expect(balanceOf(hostile, governed().policy)).toMatchObject({ starved: null, sides: { system4: { proposed: 0 } } })
  })
})

describe('a pass of System 5', () => {
  it('decides what waits, the surest first, and says a deferral once', () => {
    const weak = { evidence: { probability: 0.5, samples: 9, figures: [], text: '' } }
    const listed: Listed = [
      ['weak', proposal({ subject: 'a', ...weak })],
      ['known', proposal({ subject: 'b', ...weak, decision: decision({ verdict: 'deferred', clause: 'policy.evidence' }) })],
      ['sure', proposal({ subject: 'c' })],
      ['done', given({ subject: 'd' })],
    ]
    expect(pass(listed).map(({ id, ruling }) => [id, ruling.verdict])).toEqual([
      ['sure', 'accepted'],
      ['weak', 'deferred'],
    ])
  })

  it('decides what was deferred as soon as there is evidence', () => {
    const listed: Listed = [['x', proposal({ decision: decision({ verdict: 'deferred', clause: 'policy.evidence' }) })]]
    expect(pass(listed)).toMatchObject([{ id: 'x', ruling: { verdict: 'accepted' } }])
  })

  it('refuses what nobody is there for any more', () => {
    expect(pass([['x', proposal()]], 100, () => false)).toMatchObject([{ ruling: { verdict: 'refused', clause: 'expiry' } }])
  })

  it('looks at a bounded number, those of the side that starves first', () => {
    const past = history('3+ 4- 3+ 4- 3+ 4-').map((each, at) => [`past${at}`, each] as const)
    const flood = Array.from({ length: 50 }, (_, at) => [`f${at}`, proposal({ subject: `u${at}` })] as const)
    const listed: Listed = [
      ...past,
      ...flood,
      ['one', lack({ evidence: { probability: 0.85, samples: 9, figures: [], text: '' } })],
    ]
    const rulings = pass(listed)
    expect(rulings).toHaveLength(8)
    expect(rulings[0]).toMatchObject({ id: 'one', ruling: { verdict: 'accepted' } })
  })

  it('gives no more places than there are, also within one pass', () => {
    const standing = Array.from({ length: 14 }, (_, at) => [`s${at}`, given({ subject: `s${at}` })] as const)
    const asking = Array.from({ length: 4 }, (_, at) => [`a${at}`, proposal({ subject: `a${at}` })] as const)
    expect(pass([...standing, ...asking]).map(({ ruling }) => ruling.clause)).toEqual([
      'policy.accept',
      'policy.accept',
      'policy.directives',
      'policy.directives',
    ])
  })
})

test('the order of the docket makes no difference to what is decided', () => {
  const listed = history('3+ 4- 3+ 4- 3. 4. 3. 4.').map((each, at) => [`p${at}`, each] as const)
  expect(pass(listed.toReversed())).toEqual(pass(listed))
})
