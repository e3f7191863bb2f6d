import { describe, expect, it } from 'vitest'
import { bearingOf, KnownRevocations, readHeardRevocations, type Revocation } from '../../src/index.ts'

const NOW = 1_800_000_000_000
const DAY = 86_400_000
const evicted = (peer: string, more: Partial<Revocation> = {}): Revocation => ({
  peer,
  group: 'g-1',
  atMs: NOW,
  untilMs: NOW + 90 * DAY,
  ...more,
})

describe('an eviction', () => {
  it('is told to all sides but the one that told it', () => {
    const known = new KnownRevocations()
    expect(known.hear([evicted('p')], 'child-1', NOW)).toEqual([evicted('p')])
    expect(known.hear([evicted('p')], 'parent', NOW)).toEqual([])
    const own = [evicted('q', { group: 'here' })]
    expect(known.toldTo('child-1', own, NOW)).toEqual(own)
    expect(known.toldTo('child-2', own, NOW).map(({ peer }) => peer)).toEqual(['p', 'q'])
    expect(known.toldTo('parent', [], NOW)).toEqual([evicted('p')])
  })

  it('is known again after a restart, told on to the same sides, and not longer than before', () => {
    const [known, anew] = [new KnownRevocations(), new KnownRevocations()]
    known.hear([evicted('p'), evicted('q', { untilMs: NOW + DAY })], 'child-1', NOW)
    const kept = readHeardRevocations(JSON.parse(JSON.stringify(known.heard)))
    anew.remember(kept ?? [], NOW + DAY)
    expect(anew.all).toEqual([evicted('p')])
    expect([anew.toldTo('parent', [], NOW + DAY - 1), anew.toldTo('child-1', [], NOW + DAY - 1)]).toEqual([[evicted('p')], []])
    expect(anew.toldTo('parent', [], NOW + DAY)).toEqual([])
    expect(readHeardRevocations([{ revocation: 7 }])).toBeUndefined()
  })

  it('says when there is something to keep', () => {
    const known = new KnownRevocations()
    const versions = [
      () => known.hear([evicted('p')], 'x', NOW),
      () => known.hear([evicted('p')], 'y', NOW),
      () => known.tick(NOW + 90 * DAY),
    ]
    expect(versions.map((act) => (act(), known.version))).toEqual([1, 1, 2])
  })

  it('is passed on for a day, and known until the credential would have ended', () => {
    const known = new KnownRevocations()
    known.hear([evicted('p')], 'child-1', NOW)
    expect(known.toldTo('parent', [], NOW + DAY - 1)).toHaveLength(1)
    expect(known.toldTo('parent', [], NOW + DAY)).toEqual([])
    known.tick(NOW + 90 * DAY - 1)
    expect(known.of('p')).toHaveLength(1)
    known.tick(NOW + 90 * DAY)
    expect(known.of('p')).toEqual([])
  })

  it('that is over, or of a clock far ahead, is not heard', () => {
    const known = new KnownRevocations()
    expect(
      known.hear([evicted('p', { untilMs: NOW }), evicted('q', { atMs: NOW + DAY, untilMs: NOW + 2 * DAY })], 'x', NOW),
    ).toEqual([])
  })

  it('is one of so many: of more, those that end first are forgotten, and a record carries the newest', () => {
    const known = new KnownRevocations(100)
    const many = Array.from({ length: 500 }, (_, at) => evicted(`p${at}`, { atMs: NOW + at, untilMs: NOW + DAY + at }))
    known.hear(many, 'x', NOW + 1_000)
    expect(known.all.map(({ peer }) => peer)).toEqual(many.slice(400).map(({ peer }) => peer))
    const told = known.toldTo('y', [], NOW + 1_000)
    expect(told.length).toBeGreaterThan(20)
    expect(told[0]?.peer).toBe('p499')
  })

  it.each<[string, Partial<Revocation>, string | undefined, 'refuse' | 'tell']>([
    ['by a group above counts here', { group: 'root' }, undefined, 'refuse'],
    ['by the group it speaks for ends a delegate', { group: 'g-1' }, 'g-1', 'refuse'],
    ['by a child does not end a member of the group’s own', { group: 'g-1' }, undefined, 'tell'],
    ['by a sibling does not end another’s delegate', { group: 'g-2' }, 'g-1', 'tell'],
  ])('%s', (_what, revocation, delegateOf, bearing) => {
    expect(bearingOf(evicted('p', revocation), { peer: 'p', delegateOf }, ['root', 'eu'])).toBe(bearing)
  })
})
