import { seededRandom } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { chooseDelegates, type DelegateCandidate } from '../../src/index.ts'

const member = (peer: string, more: Partial<DelegateCandidate> = {}): DelegateCandidate => ({
  peer,
  isHome: true,
  isEdge: false,
  zone: 'z',
  isReachable: true,
  failedForMs: 0,
  upForMs: 60_000,
  seats: 1,
  ...more,
})
const dead = { isReachable: false, failedForMs: 60_001 }

describe('who is a delegate', () => {
  it.each<[string, DelegateCandidate[], string]>([
    ['the longest up', [member('a', { upForMs: 1e5 }), member('b', { upForMs: 2e5 })], 'b'],
    ['at home before a guest that is longer up', [member('a'), member('b', { upForMs: 1e9, isHome: false })], 'a'],
    ['a guest when nobody else is there', [member('b', { isHome: false })], 'b'],
    ['no edge node before one', [member('a'), member('b', { upForMs: 1e9, isEdge: true })], 'a'],
    ['who has fewer seats', [member('a', { seats: 2, upForMs: 1e9 }), member('b')], 'b'],
    ['nobody who cannot be reached', [member('a', { isReachable: false, upForMs: 1e9 }), member('b')], 'b'],
    ['nobody who has just come up', [member('a', { upForMs: 9_999 }), member('b', { seats: 5 })], 'b'],
    ['of equals the lower id', [member('b'), member('a')], 'a'],
  ])('%s', (_what, members, chosen) => {
    expect(chooseDelegates(members, [], [])).toEqual({ appoint: chosen })
  })

  it('comes of a zone that has none', () => {
    const members = [member('a', { zone: 'north' }), member('b', { zone: 'north', upForMs: 1e9 }), member('c', { zone: 'south' })]
    expect(chooseDelegates(members, ['a'], [])).toEqual({ appoint: 'c' })
  })

  it('stays, whoever is longer up', () => {
    expect(chooseDelegates([member('a'), member('b'), member('c', { upForMs: 1e9 })], ['a', 'b'], [])).toEqual({})
  })

  it('stays through a restart, and is replaced when dead for long', () => {
    const others = [member('b'), member('c')]
    expect(chooseDelegates([member('a', { isReachable: false, failedForMs: 60_000 }), ...others], ['a', 'b'], [])).toEqual({})
    expect(chooseDelegates([member('a', dead), ...others], ['a', 'b'], [])).toEqual({ appoint: 'c' })
    expect(chooseDelegates([member('a', dead), ...others], ['a', 'b', 'c'], [])).toEqual({ release: 'a' })
  })

  it('that is no member any more is replaced, then released', () => {
    expect(chooseDelegates([member('b'), member('c')], ['gone', 'b'], [])).toEqual({ appoint: 'c' })
    expect(chooseDelegates([member('b'), member('c')], ['gone', 'b', 'c'], [])).toEqual({ release: 'gone' })
  })

  it('is asked once, and again when it cannot be reached', () => {
    const members = [member('a'), member('b'), member('c')]
    expect(chooseDelegates(members, ['a'], ['b'])).toEqual({})
    expect(chooseDelegates([member('a'), member('b', dead), member('c')], ['a'], ['b'])).toEqual({ appoint: 'c' })
  })

  it('one too many goes: the founder that is a guest first, then who came last', () => {
    const guest = member('g', { isHome: false })
    expect(chooseDelegates([guest, member('a'), member('b')], ['g', 'a', 'b'], [])).toEqual({ release: 'g' })
    expect(chooseDelegates([guest, member('a'), member('b')], ['g', 'a'], [])).toEqual({})
    expect(chooseDelegates([member('a'), member('b'), member('c')], ['a', 'b', 'c'], [])).toEqual({ release: 'c' })
  })

  it('is nobody in a group without members', () => {
    expect(chooseDelegates([], [], [])).toEqual({})
  })

  it('settles whatever happens before, and does not move any more', () => {
    const random = seededRandom(3)
    for (let trial = 0; trial < 200; trial++) {
      const members = Array.from({ length: 1 + Math.floor(random.next() * 8) }, (_, at) =>
        member(`m${at}`, { upForMs: 1e5 * random.next() + 1e4, isHome: random.next() < 0.7, isEdge: random.next() < 0.3 }),
      )
      let current = members.filter(() => random.next() < 0.5).map(({ peer }) => peer)
      for (let step = 0; step < 20; step++) {
        const { appoint, release } = chooseDelegates(members, current, [])
        current = [...current.filter((peer) => peer !== release), ...(appoint === undefined ? [] : [appoint])]
      }
      expect(chooseDelegates(members, current, [])).toEqual({})
      expect(current).toHaveLength(Math.min(2, members.length))
    }
  })
})
