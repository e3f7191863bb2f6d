import { type ClaimedResource, randomInteger, seededRandom } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { decodeGroupState, encodeGroupState, type ResourceClaim } from '../src/index.ts'
import { DECIDING, decidingGroup, endorsedBy } from './support/decided.ts'
import type { Group } from './support/group.ts'

const claimsOf = (...names: readonly string[]): readonly ClaimedResource[] =>
  names.map((name) => ({ resource: name.replace(':shared', ''), shared: name.endsWith(':shared') }))

/** Units `u-a` … of the members `a` to `d`. */
function groupWithUnits(charter = { ...DECIDING, featureLevel: 3 }): Group {
  const group = decidingGroup(charter)
  for (const peer of ['a', 'b', 'c', 'd']) group.ask({ op: 'unit:claim', unit: `u-${peer}`, peer }, { author: peer })
  return group
}

const ask = (group: Group, peer: string, ...names: readonly string[]): string =>
  group.outcome({ op: 'claim:ask', unit: `u-${peer}`, resources: claimsOf(...names) }, { author: peer })

const claim = (group: Group, peer: string): ResourceClaim | undefined => group.state.claims.get(`${peer} u-${peer}`)

const release = (group: Group, peer: string, again = false): string =>
  group.outcome(
    { op: 'claim:release', unit: `u-${peer}`, askedAtIndex: claim(group, peer)?.askedAtIndex ?? 1, again },
    { author: peer },
  )

const holders = (group: Group): string[] =>
  group.state.claims.entries().flatMap(([, { peer, token }]) => (token === undefined ? [] : [peer]))

describe('claims', () => {
  it('gives a free resource at once, by the entry as its token, and to nobody else meanwhile', () => {
    const group = groupWithUnits()
    expect(ask(group, 'a', 'arm')).toBe('changed')
    expect(claim(group, 'a')).toMatchObject({ token: group.index, epoch: 1 })
    expect(ask(group, 'b', 'arm')).toBe('changed')
    expect(holders(group)).toEqual(['a'])
    expect(release(group, 'a')).toBe('changed')
    expect(claim(group, 'b')?.token).toBe(group.index)
    expect(group.effects).toContainEqual({ type: 'claim:granted', unit: 'u-b', peer: 'b' })
  })

  it('asked again is unchanged; for other resources it is refused; of a unit that runs elsewhere, too', () => {
    const group = groupWithUnits()
    ask(group, 'a', 'arm')
    expect(ask(group, 'a', 'arm')).toBe('unchanged')
    expect(ask(group, 'a', 'arm:shared')).toBe('claim-exists')
    expect(group.outcome({ op: 'claim:ask', unit: 'u-a', resources: claimsOf('arm') }, { author: 'b' })).toBe('not-yours')
    expect(release(group, 'a')).toBe('changed')
    expect(group.outcome({ op: 'claim:release', unit: 'u-a', askedAtIndex: 9, again: false })).toBe('unchanged')
  })

  it('does not let those who share overtake who waits to have it alone', () => {
    const group = groupWithUnits()
    ask(group, 'a', 'arm:shared')
    ask(group, 'b', 'arm')
    ask(group, 'c', 'arm:shared')
    ask(group, 'd', 'arm:shared')
    expect(holders(group)).toEqual(['a'])
    release(group, 'a', true)
    expect(holders(group)).toEqual(['b'])
    release(group, 'b')
    expect(holders(group)).toEqual(['a', 'c', 'd'])
  })

  it('gives all that a unit claims or nothing: two that want the same in any order never wait for each other', () => {
    const group = groupWithUnits()
    ask(group, 'a', 'arm')
    ask(group, 'b', 'arm', 'belt')
    // The belt is free, but b was first to want it.
    ask(group, 'c', 'belt')
    ask(group, 'd', 'crane')
    expect(holders(group)).toEqual(['a', 'd'])
    release(group, 'a')
    expect(holders(group)).toEqual(['b', 'd'])
    release(group, 'b')
    expect(holders(group)).toEqual(['c', 'd'])
  })

  it('is taken away only after a recall, both by the voters', () => {
    const group = groupWithUnits()
    ask(group, 'd', 'arm')
    ask(group, 'a', 'arm')
    const of = { peer: 'd', unit: 'u-d', askedAtIndex: claim(group, 'd')?.askedAtIndex ?? 0 }
    const recall = { ...of, op: 'claim:recall', why: 'failed' } as const
    const revoke = { ...of, op: 'claim:revoke' } as const
    expect(group.give(endorsedBy(group, revoke, ['a', 'b']))).toBe('claim-stands')
    expect(group.give(endorsedBy(group, recall, ['a']))).toBe('not-endorsed')
    expect(group.give(endorsedBy(group, recall, ['a', 'b']))).toBe('changed')
    expect(holders(group)).toEqual(['d'])
    expect(group.give(endorsedBy(group, revoke, ['b']))).toBe('not-endorsed')
    expect(group.give(endorsedBy(group, revoke, ['b', 'c']))).toBe('changed')
    expect(holders(group)).toEqual(['a'])
    expect(group.give(endorsedBy(group, revoke, ['b', 'c']))).toBe('unchanged')
  })

  it('of a member that leaves waits no longer, and stays recalled until the voters take it away', () => {
    const group = groupWithUnits()
    ask(group, 'd', 'arm')
    ask(group, 'a', 'arm')
    const joinedAtIndex = group.state.members.get('d')?.joinedAtIndex ?? 0
    group.give(endorsedBy(group, { op: 'member:remove', peer: 'd', joinedAtIndex } as never, ['a', 'b']))
    expect(group.state.members.has('d')).toBe(false)
    expect(claim(group, 'd')?.recalledAtIndex).toBe(group.index)
    expect(holders(group)).toEqual(['d'])
  })

  it('of a unit whose name is given back waits no longer', () => {
    const group = groupWithUnits()
    ask(group, 'a', 'arm')
    ask(group, 'b', 'arm')
    group.ask({ op: 'unit:release', unit: 'u-b' }, { author: 'b' })
    expect(claim(group, 'b')).toBeUndefined()
    release(group, 'a')
    expect(holders(group)).toEqual([])
  })

  it('is refused out of bounds and below its feature level', () => {
    const group = groupWithUnits()
    expect(() => ask(group, 'a', 'belt', 'arm')).toThrow('in order')
    expect(() => ask(group, 'a')).toThrow('one or more')
    expect(() => ask(group, 'a', ...Array.from({ length: 9 }, (_, i) => `r${i}`))).toThrow('up to 8')
    expect(ask(groupWithUnits(DECIDING), 'a', 'arm')).toBe('feature-level')
  })

  it('is in a snapshot, and a group without reads as it always did', () => {
    const group = groupWithUnits()
    expect(new TextDecoder().decode(encodeGroupState(group.state))).not.toContain('claims')
    ask(group, 'a', 'arm', 'belt:shared')
    expect(decodeGroupState(encodeGroupState(group.state))).toEqual(group.state)
  })

  it('never grants two that conflict, grants tokens that grow, and serves everybody in the order of asking', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed)
      const group = groupWithUnits()
      const highest = new Map<string, number>()
      const held = new Map<string, number>()
      for (let step = 0; step < 120; step++) {
        const peer = 'abcd'[randomInteger(random, 0, 3)] ?? 'a'
        if (random.next() < 0.6) {
          const names = ['arm', 'belt', 'crane'].filter(() => random.next() < 0.6)
          if (names.length > 0) ask(group, peer, ...names.map((name) => (random.next() < 0.5 ? name : `${name}:shared`)))
        } else if (claim(group, peer) !== undefined) release(group, peer, random.next() < 0.3)
        const all = group.state.claims.entries().map(([, each]) => each)
        const holding = all.filter(({ token }) => token !== undefined)
        for (const a of holding) {
          for (const b of holding) if (a !== b) expect(conflict(a, b), `seed ${seed}, step ${step}`).toBe(false)
          if (held.get(a.peer) === a.token) continue
          held.set(a.peer, a.token ?? 0)
          for (const { resource, shared } of a.resources) {
            if (!shared) expect(a.token).toBeGreaterThan(highest.get(resource) ?? 0)
            highest.set(resource, Math.max(highest.get(resource) ?? 0, a.token ?? 0))
          }
        }
        for (const waiting of all.filter(({ token }) => token === undefined)) {
          const before = all.filter((each) => each.token !== undefined || each.askedAtIndex < waiting.askedAtIndex)
          expect(
            before.some((each) => each !== waiting && conflict(each, waiting)),
            `seed ${seed}, step ${step}`,
          ).toBe(true)
          const overtook = holding.filter((each) => each.askedAtIndex > waiting.askedAtIndex)
          for (const each of overtook) expect(conflict(each, waiting), `seed ${seed}, step ${step}`).toBe(false)
        }
      }
    }
  })
})

function conflict(a: ResourceClaim, b: ResourceClaim): boolean {
  return a.resources.some(({ resource, shared }) =>
    b.resources.some((other) => other.resource === resource && !(shared && other.shared)),
  )
}
