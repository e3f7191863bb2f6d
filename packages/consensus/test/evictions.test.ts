import { expect, test } from 'vitest'
import { base64urlOf } from '@vsmcp/kernel'
import { decodeGroupState, encodeGroupState, operationStatement, RECOVERERS_LEVEL, recoverersOf } from '../src/index.ts'
import { decidingGroup, DECIDING, endorsedBy, endorsementsOf, signedBy } from './support/decided.ts'
import { type Group, sign } from './support/group.ts'

const joinedAt = (group: Group, peer: string): number => group.state.members.get(peer)?.joinedAtIndex ?? 0

function evict(group: Group, peer: string, { untilMs = 9_000, joinedAtIndex = joinedAt(group, peer) } = {}): string {
  return group.give(signedBy(group, { op: 'member:evict', peer, joinedAtIndex, untilMs }, { reason: 'lost laptop' }))
}

test('an eviction revokes what the member shows until it would have ended, takes it off the list and frees its units', () => {
  const group = decidingGroup()
  group.ask({ op: 'unit:claim', unit: 'files', peer: 'd' }, { author: 'd' })
  expect(evict(group, 'd')).toBe('changed')
  expect(group.state.charter.revocations).toEqual([
    { peer: 'd', untilMs: 9_000, index: group.index, by: 'olga', reason: 'lost laptop', atMs: 500 },
  ])
  expect(group.effects.map(({ type }) => type)).toEqual(['unit:released', 'member:left', 'member:evicted', 'charter:changed'])
  expect([group.state.members.has('d'), group.state.units.has('files')]).toEqual([false, false])
  expect(evict(group, 'd', { joinedAtIndex: 3 })).toBe('unchanged')
})

test('who still votes is taken out of the voters first; then the same eviction holds', () => {
  const group = decidingGroup()
  const asked = signedBy(group, { op: 'member:evict', peer: 'c', joinedAtIndex: joinedAt(group, 'c'), untilMs: 9_000 })
  expect(group.give(asked)).toBe('still-votes')
  group.change(['learner', 'c'])
  expect(group.give(asked)).toBe('changed')
})

test('an old voter of a joint configuration still votes', () => {
  const group = decidingGroup()
  group.change(['remove', 'c'], ['voter', 'd'])
  expect(evict(group, 'c')).toBe('still-votes')
  group.leaveJoint()
  expect(evict(group, 'c')).toBe('changed')
})

test('an evicted peer redeems no invitation while it is revoked', () => {
  const group = decidingGroup()
  evict(group, 'd')
  group.invite('again')
  expect(group.outcome({ op: 'invitation:redeem', id: 'again', peer: 'd', name: 'd' })).toBe('peer-revoked')
  expect(group.outcome({ op: 'invitation:redeem', id: 'again', peer: 'e', name: 'e' })).toBe('changed')
})

test('an eviction is of one membership: not of an earlier or later one of the same peer', () => {
  const group = decidingGroup()
  expect(evict(group, 'd', { joinedAtIndex: joinedAt(group, 'd') + 1 })).toBe('membership-differs')
  expect(evict(group, 'x', { joinedAtIndex: 7 })).toBe('member-unknown')
})

test('who is no member any more can still be revoked, and for longer, never for less', () => {
  const group = decidingGroup()
  expect(evict(group, 'gone', { joinedAtIndex: 0 })).toBe('changed')
  expect(evict(group, 'gone', { joinedAtIndex: 0, untilMs: 12_000 })).toBe('changed')
  expect(evict(group, 'gone', { joinedAtIndex: 0, untilMs: 10_000 })).toBe('unchanged')
  expect(group.state.charter.revocations.map(({ peer, untilMs }) => [peer, untilMs])).toEqual([['gone', 12_000]])
  expect(evict(group, 'd', { joinedAtIndex: 0 })).toBe('membership-differs')
})

test('a charter keeps a thousand revocations, and refuses one more', () => {
  const revocations = Array.from({ length: 1_000 }, (_, i) => ({
    peer: `p${i}`,
    untilMs: 5,
    index: 1,
    by: 'o',
    reason: 'r',
    atMs: 1,
  }))
  const group = decidingGroup({ ...DECIDING, revocations })
  expect(evict(group, 'd')).toBe('revocations-full')
  expect(group.state.members.has('d')).toBe(true)
})

test('an eviction that would make the charter too large takes nobody off the list', () => {
  const zones = Array.from({ length: 1_000 }, (_, i) => ({ name: `zone-${i}`, note: 'x'.repeat(226) }))
  const group = decidingGroup({ ...DECIDING, zones })
  const { state } = group
  for (let i = 0; i < 90; i++) if (evict(group, `p${i}`, { joinedAtIndex: 0 }) === 'charter-full') break
  expect(evict(group, 'd')).toBe('charter-full')
  expect(group.state.members).toBe(state.members)
})

test('revocations expire by the word of a majority of the voters, not before their time, and only those named', () => {
  const group = decidingGroup()
  evict(group, 'd', { untilMs: 9_000 })
  evict(group, 'gone', { untilMs: 20_000, joinedAtIndex: 0 })
  const expire = (peers: readonly string[], asOfMs: number, voters = ['a', 'b']): string =>
    group.give(endorsedBy(group, { op: 'revocation:expire', peers, asOfMs }, voters))
  expect([expire(['d'], 9_000, ['a']), expire(['d'], 9_000, []), expire(['d'], 9_000, ['a', 'd'])]).toEqual(
    Array(3).fill('not-endorsed'),
  )
  expect(expire(['d', 'gone'], 9_000)).toBe('revocation-stands')
  expect(expire(['d'], 8_999)).toBe('revocation-stands')
  expect(expire(['d', 'unheard-of'], 9_000)).toBe('changed')
  expect(group.effects[0]).toEqual({ type: 'revocation:expired', peers: ['d'] })
  expect(expire(['d'], 9_000)).toBe('unchanged')
  expect(group.state.charter.revocations.map(({ peer }) => peer)).toEqual(['gone'])
})

test('endorsements count only for what they were given for, each once, and only those of voters of now', () => {
  const group = decidingGroup()
  evict(group, 'd')
  const asked = endorsedBy(group, { op: 'revocation:expire', peers: ['d'], asOfMs: 9_000 }, ['b', 'c'])
  const give = (change: object): string => group.give({ ...asked, ...change })
  const [one] = endorsementsOf(group, asked, ['b'])
  expect(give({ asOfMs: 9_001 })).toBe('not-endorsed')
  expect(() => give({ endorsements: [one, one] })).toThrow(/names a peer twice/)
  expect(give({ endorsements: [one, { peer: 'c', signature: one?.signature }] })).toBe('not-endorsed')
  group.change(['learner', 'c'])
  expect(give({})).toBe('not-endorsed')
  expect(group.give(endorsedBy(group, { op: 'revocation:expire', peers: ['d'], asOfMs: 9_000 }, ['a', 'b']))).toBe('changed')
})

test('in a joint configuration both halves must endorse', () => {
  const group = decidingGroup()
  evict(group, 'gone', { joinedAtIndex: 0 })
  group.join('e').join('f')
  group.change(['voter', 'd'], ['voter', 'e'], ['voter', 'f'], ['remove', 'b'], ['remove', 'c'])
  const expire = (...voters: string[]): string =>
    group.give(endorsedBy(group, { op: 'revocation:expire', peers: ['gone'], asOfMs: 9_000 }, voters))
  expect([expire('d', 'e', 'f'), expire('a', 'b', 'c'), expire('a', 'b', 'd', 'e')]).toEqual([
    'not-endorsed',
    'not-endorsed',
    'changed',
  ])
})

function ephemeral(group: Group, peer: string, absenceMs = 60_000): void {
  const invitation = { verifier: 'AAAA', role: 'member', zone: '', uses: 5, expiresAtMs: 10_000, createdBy: 'a' } as const
  group.ask({ op: 'invitation:create', id: `e-${peer}`, ...invitation, ephemeral: true, absenceMs })
  group.ask({ op: 'invitation:redeem', id: `e-${peer}`, peer, name: peer, ephemeral: false, absenceMs: 1 })
}

test('who joins by an ephemeral invitation is ephemeral, whatever it says itself, and forgotten after its absence', () => {
  const group = decidingGroup()
  ephemeral(group, 'e')
  expect(group.state.members.get('e')).toMatchObject({ ephemeral: true, absenceMs: 60_000 })
  const forget = (asOfMs: number, voters = ['a', 'c'], change = {}): string => {
    const asked = { peer: 'e', joinedAtIndex: joinedAt(group, 'e') || 1, absentSinceMs: 1_000, asOfMs, ...change }
    return group.give(endorsedBy(group, { op: 'member:forget', ...asked }, voters))
  }
  expect(forget(60_999)).toBe('not-absent')
  expect(forget(61_000, ['a'])).toBe('not-endorsed')
  expect(forget(61_000, ['a', 'c'], { joinedAtIndex: 3 })).toBe('membership-differs')
  expect(forget(61_000)).toBe('changed')
  expect(group.effects.map(({ type }) => type)).toEqual(['member:left', 'member:forgotten'])
  expect(forget(61_000)).toBe('unchanged')
})

test('who joins for good cannot be made ephemeral by whoever lets it in', () => {
  const group = decidingGroup()
  group.invite('good')
  group.ask({ op: 'invitation:redeem', id: 'good', peer: 'e', name: 'e', ephemeral: true, absenceMs: 1_000 })
  expect(group.state.members.get('e')).not.toHaveProperty('ephemeral')
  expect(group.state.members.get('e')).not.toHaveProperty('absenceMs')
})

test('nobody else is ever forgotten, nor who votes', () => {
  const group = decidingGroup()
  const forget = (peer: string): string => {
    const asked = { op: 'member:forget', peer, joinedAtIndex: joinedAt(group, peer), absentSinceMs: 0, asOfMs: 1e12 } as const
    return group.give(
      endorsedBy(
        group,
        asked,
        ['a', 'b', 'c', 'e'].filter((each) => group.state.configuration.voters.includes(each)),
      ),
    )
  }
  expect(forget('d')).toBe('not-absent')
  ephemeral(group, 'e')
  group.change(['voter', 'e'])
  expect(forget('e')).toBe('still-votes')
})

test.for<[string, object]>([
  ['without saying how long', { ephemeral: true }],
  ['for less than a second', { ephemeral: true, absenceMs: 999 }],
  ['for years', { ephemeral: true, absenceMs: 1e12 }],
  ['with an absence but for ever', { absenceMs: 60_000 }],
])('an ephemeral invitation %s is none', ([, change]) => {
  const group = decidingGroup()
  const invitation = {
    op: 'invitation:create',
    id: 'e',
    verifier: 'AAAA',
    role: 'member',
    zone: '',
    uses: 5,
    expiresAtMs: 10_000,
  }
  expect(() => group.ask({ ...invitation, createdBy: 'a', ...change })).toThrow(/absenceMs/)
})

test('a member leaves by its own signature; nobody leaves on behalf of another, the leader least of all', () => {
  const group = decidingGroup()
  const scope = group.state.charter
  const asked = { op: 'member:remove', peer: 'd', joinedAtIndex: joinedAt(group, 'd') } as const
  const remove = (peer: string, change: object = {}): string => {
    const signature = sign({ peer }, operationStatement(scope, asked))
    return group.give({ ...asked, signature, author: 'a', atMs: 1_000, ...change })
  }
  expect(group.outcome(asked)).toBe('not-endorsed')
  expect(group.outcome(asked, { author: 'd' })).toBe('not-endorsed')
  expect(remove('a')).toBe('signature-wrong')
  expect(remove('d', { joinedAtIndex: 2 })).toBe('membership-differs')
  expect(remove('d', { joinedAtIndex: undefined })).toBe('membership-differs')
  expect(remove('d', { note: 'altered' })).toBe('signature-wrong')
  expect(remove('d')).toBe('changed')
  expect(remove('d')).toBe('unchanged')
})

test('the words by which a member left once do not take it out when it has come back', () => {
  const group = decidingGroup()
  const asked = { op: 'member:remove', peer: 'd', joinedAtIndex: joinedAt(group, 'd') } as const
  const left = { ...asked, signature: sign({ peer: 'd' }, operationStatement(group.state.charter, asked)), author: 'a', atMs: 1 }
  expect(group.give(left)).toBe('changed')
  group.join('d').invite('second')
  group.ask({ op: 'invitation:redeem', id: 'second', peer: 'd', name: 'd' })
  expect(group.state.members.has('d')).toBe(true)
  expect(group.give(left)).toBe('membership-differs')
})

test('a majority of the voters takes a member out, too, but none that votes', () => {
  const group = decidingGroup()
  const remove = (peer: string, voters: readonly string[]): string => {
    const asked = { op: 'member:remove', peer, joinedAtIndex: joinedAt(group, peer) }
    return group.give({ ...asked, endorsements: endorsementsOf(group, asked, voters), author: 'a', atMs: 1 } as never)
  }
  expect([remove('d', ['a']), remove('c', ['a', 'b']), remove('d', ['a', 'b'])]).toEqual([
    'not-endorsed',
    'still-votes',
    'changed',
  ])
})

test('the feature level is raised only by the word of every voter, and never lowered', () => {
  const group = decidingGroup({ ...DECIDING, featureLevel: 1 })
  const raise = (level: number, ...voters: string[]): string =>
    group.give(endorsedBy(group, { op: 'feature:raise', level }, voters))
  expect([raise(2, 'a', 'b'), raise(2), raise(2, 'a', 'b', 'c'), raise(2), raise(1, 'a', 'b', 'c')]).toEqual([
    'not-endorsed',
    'not-endorsed',
    'changed',
    'unchanged',
    'feature-lower',
  ])
  expect(group.state.charter.featureLevel).toBe(2)
})

test('operators who were marked for recovery before the group knew such keys are named to all as soon as it does', () => {
  const key = base64urlOf(new Uint8Array(32).fill(7))
  const operators = [...DECIDING.operators, { name: 'rita', publicKey: key, recovery: true }]
  const group = decidingGroup({ ...DECIDING, featureLevel: RECOVERERS_LEVEL - 1, operators })
  expect(recoverersOf(group.state.charter)).toEqual([])
  expect(group.state.pendingChanges.at(-1)).not.toHaveProperty('recoverers')
  const raised = group.give(endorsedBy(group, { op: 'feature:raise', level: RECOVERERS_LEVEL }, ['a', 'b', 'c']))
  expect(raised).toBe('changed')
  const { pendingChanges } = group.state
  expect(pendingChanges.at(-1)).toMatchObject({
    index: group.index,
    before: ['a', 'b', 'c'],
    now: ['a', 'b', 'c'],
    recoverers: [key],
  })
  expect(decodeGroupState(encodeGroupState(group.state)).pendingChanges).toEqual(pendingChanges)
})

test('a voter names the next session key by its own signature; the one before is remembered', () => {
  const group = decidingGroup()
  const rotate = (by: string, keyId: string, expects: string, signer = by): string => {
    const asked = { op: 'session-key:rotate', by, keyId, digest: 'AAAA', expects } as const
    return group.give({
      ...asked,
      signature: sign({ peer: signer }, operationStatement(group.state.charter, asked)),
      author: 'a',
      atMs: 7,
    })
  }
  expect([rotate('d', 'k1', ''), rotate('b', 'k1', '', 'a'), rotate('b', 'k1', 'k0')]).toEqual([
    'not-yours',
    'signature-wrong',
    'version-differs',
  ])
  expect([
    rotate('b', 'k1', ''),
    rotate('b', 'k1', ''),
    rotate('a', 'k2', 'k1'),
    rotate('c', 'k3', 'k1'),
    rotate('c', 'k2x', ''),
  ]).toEqual(['changed', 'unchanged', 'changed', 'version-differs', 'version-differs'])
  expect(group.state.sessionKey).toEqual({
    keyId: 'k2',
    digest: 'AAAA',
    previous: { keyId: 'k1', digest: 'AAAA' },
    by: 'a',
    index: group.index - 2,
    atMs: 7,
  })
})
