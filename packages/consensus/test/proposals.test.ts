import { describe, expect, it, test } from 'vitest'
import {
  decodeGroupState,
  encodeGroupState,
  GOVERNING_LEVEL,
  type JsonObject,
  MESH_KEY_SIGNER,
  policyVersionOf,
} from '../src/index.ts'
import * as constants from '../src/constants.ts'
import { decidingGroup, DECIDING, signedBy } from './support/decided.ts'
import { CHARTER, Group } from './support/group.ts'

const evidence = { probability: 0.94, samples: 3, figures: [{ name: 'p99 in ms', value: 120.5 }], text: 'three windows in a row' }
const effect = { metric: 'latency' as const, before: 120.5, goal: 50 }

const make = (id: string, change: object = {}) => ({
  op: 'proposal:make' as const,
  id,
  from: 'system3' as const,
  kind: 'weight' as const,
  subject: 'files',
  at: 'b',
  asked: 2,
  held: 1,
  effect,
  evidence,
  expiresAtMs: 100_000,
  ...change,
})
const decide = (id: string, change: object = {}) => ({
  op: 'proposal:decide' as const,
  id,
  verdict: 'refused' as const,
  by: 'policy' as const,
  clause: 'policy.evidence',
  reason: 'too little was seen',
  ...change,
})
const accept = (id: string, change: object = {}) =>
  decide(id, {
    verdict: 'accepted',
    clause: 'policy.accept',
    reason: 'as allowed',
    checkAtMs: 5_000,
    expiresAtMs: 60_000,
    ...change,
  })
const close = (id: string, sequence: number, change: object = {}) => ({
  op: 'directive:close' as const,
  id,
  sequence,
  outcome: 'met' as const,
  measured: 40,
  reason: 'three windows in a row',
  ...change,
})

/** `a` votes; `b` hosts files, `c` nothing. */
function group(featureLevel = GOVERNING_LEVEL): Group {
  const made = new Group({ ...CHARTER, featureLevel }).join('b').join('c')
  made.ask({ op: 'unit:claim', unit: 'files', peer: 'b' }, { author: 'b' })
  return made
}

test('a proposal waits with its evidence; the decision carries reason, latency and what evidence it was made upon', () => {
  const asked = group()
  expect(asked.outcome(make('x', { mood: 1 }), { author: 'b' })).toBe('changed')
  expect(asked.effects).toEqual([{ type: 'proposal:made', id: 'x' }])
  expect(asked.outcome(accept('x'), { atMs: 1_750 })).toBe('changed')
  expect(asked.effects).toEqual([{ type: 'proposal:decided', id: 'x' }])
  expect(asked.state.proposals.get('x')).toMatchObject({
    peer: 'b',
    mood: 1,
    evidence,
    decision: { verdict: 'accepted', by: 'policy', author: 'a', clause: 'policy.accept', latencyMs: 750, atMs: 1_750 },
    at: 'b',
    directive: { value: 2, epoch: 1, sequence: asked.index, attempt: 1, checkAtMs: 5_000, expiresAtMs: 60_000 },
  })
  expect(asked.state.proposals.get('x')?.decision?.evidence).toMatch(/^[0-9a-f]{8}$/)
  expect(asked.outcome(accept('x'), { atMs: 1_800 })).toBe('unchanged')
  expect(asked.outcome(decide('x'))).toBe('proposal-over')
})

test('a snapshot holds it as it was, and says nothing of proposals where there are none', () => {
  const asked = group()
  expect(new TextDecoder().decode(encodeGroupState(asked.state))).not.toContain('proposals')
  asked.ask(make('x'), { author: 'b' })
  asked.ask(make('y', { kind: 'quarantine' }), { author: 'c' })
  asked.ask(accept('x'), { atMs: 1_750 })
  asked.ask(close('x', asked.index, { outcome: 'refused' }), { author: 'b' })
  const read = decodeGroupState(encodeGroupState(asked.state))
  expect(encodeGroupState(read)).toEqual(encodeGroupState(asked.state))
  expect(read.bytes).toBe(asked.state.bytes)
  expect(read.proposals.get('x')).toEqual(asked.state.proposals.get('x'))
})

test('below its level a group takes no proposals', () => {
  expect(group(GOVERNING_LEVEL - 1).outcome(make('x'), { author: 'b' })).toBe('feature-level')
})

describe('who may propose what', () => {
  it.each<[string, object, string, string]>([
    ['more for a unit by another node than its host', {}, 'c', 'not-yours'],
    ['quarantine of a unit by its own host', { kind: 'quarantine' }, 'b', 'not-yours'],
    ['anything of a unit that nobody has', { subject: 'nobody' }, 'b', 'unit-unknown'],
    ['anything of a node that does not run it', { at: 'c' }, 'c', 'unit-unknown'],
    ['anything by who is no member', {}, 'z', 'author-unknown'],
    ['what is over when it comes', { expiresAtMs: 1_000 }, 'b', 'operation-invalid'],
    ['what would wait for ever', { expiresAtMs: 2_000 + constants.PROPOSAL_LIFE_MAX_MS }, 'b', 'operation-invalid'],
    ['more than a proposal may take', { mood: 'x'.repeat(constants.PROPOSAL_BYTES_MAX) }, 'b', 'operation-invalid'],
  ])('%s is refused', (_what, change, author, code) => {
    expect(group().outcome(make('x', change), { author })).toBe(code)
  })

  it.each<[string, object]>([
    ['a share above one', { evidence: { ...evidence, probability: 1.01 } }],
    ['a negative figure', { effect: { ...effect, before: -1 } }],
    ['a number that is none', { asked: '2' }],
    ['nothing', { asked: 0 }],
    ['an absurd amount', { asked: 1e13 }],
    ['more figures than may be', { evidence: { ...evidence, figures: Array.from({ length: 9 }, () => evidence.figures[0]) } }],
    ['half a sample', { evidence: { ...evidence, samples: 0.5 } }],
    ['a capability by System 3', { kind: 'capability' }],
    ['a quarantine by System 4', { from: 'system4', kind: 'quarantine' }],
    ['a kind that nobody knows', { kind: 'gift' }],
    ['a text that moves the cursor', { evidence: { ...evidence, text: '\u001B[2J' } }],
  ])('%s is no proposal', (_what, change) => {
    expect(() => group().outcome(make('x', change), { author: 'b' })).toThrow()
  })
})

test('the same of the same member is one proposal: newer evidence takes the place of older, but not all the time', () => {
  const asked = group()
  asked.ask(make('x'), { author: 'b' })
  const stronger = { evidence: { ...evidence, samples: 9 }, asked: 3, expiresAtMs: 200_000 }
  expect(asked.outcome(make('y', stronger), { author: 'b', atMs: 5_000 })).toBe('unchanged')
  expect(asked.outcome(make('y', stronger), { author: 'b', atMs: 11_000 })).toBe('changed')
  expect(asked.state.proposals.keys()).toEqual(['x'])
  expect(asked.state.proposals.get('x')).toMatchObject({
    proposedAtMs: 1_000,
    expiresAtMs: 100_000,
    asked: 3,
    evidence: { samples: 9 },
  })
})

test('what others find, too, is seconded by each of them once', () => {
  const asked = group()
  asked.ask(make('x', { kind: 'quarantine' }), { author: 'c' })
  expect(asked.outcome(make('y', { kind: 'quarantine' }), { author: 'a' })).toBe('changed')
  expect(asked.outcome(make('z', { kind: 'quarantine' }), { author: 'a', atMs: 50_000 })).toBe('unchanged')
  expect(asked.state.proposals.get('x')?.seconds).toEqual(['a'])
})

test('an id of another member is not taken over, and one that is decided is not made again by a replay', () => {
  const asked = group()
  asked.ask(make('x', { kind: 'capability', from: 'system4', subject: 'fly' }), { author: 'b' })
  expect(asked.outcome(make('x', { kind: 'capability', from: 'system4', subject: 'swim', at: 'c' }), { author: 'c' })).toBe(
    'proposal-exists',
  )
  asked.ask(decide('x'))
  expect(asked.outcome(make('x', { kind: 'capability', from: 'system4', subject: 'fly' }), { author: 'b' })).toBe('unchanged')
  expect(asked.state.proposals.get('x')?.decision?.verdict).toBe('refused')
})

test('after a decision the same is not proposed again at once, and not at all while it is in force', () => {
  const asked = group()
  asked.ask(make('x'), { author: 'b' })
  asked.ask(decide('x'), { atMs: 2_000 })
  const soon = 2_000 + constants.PROPOSAL_PAUSE_MS
  expect(asked.outcome(make('y'), { author: 'b', atMs: soon - 1 })).toBe('proposal-early')
  expect(asked.outcome(make('y'), { author: 'b', atMs: soon })).toBe('changed')
  asked.ask(accept('y', { checkAtMs: 300_000, expiresAtMs: 900_000 }), { atMs: soon })
  expect(asked.outcome(make('z', { expiresAtMs: 900_001 }), { author: 'b', atMs: 899_999 })).toBe('proposal-exists')
  expect(asked.outcome(make('z', { expiresAtMs: 900_001 }), { author: 'b', atMs: 900_000 })).toBe('changed')
})

test('more of the same is asked for once what was given had its effect and was not enough', () => {
  const asked = group()
  asked.ask(make('x'), { author: 'b' })
  asked.ask(accept('x', { checkAtMs: 9_000, expiresAtMs: 900_000 }))
  const more = (id: string, value: number) => make(id, { asked: value, held: 2, expiresAtMs: 400_000 })
  expect(asked.outcome(more('y', 4), { author: 'b', atMs: 300_000 })).toBe('proposal-exists')
  const sequence = asked.state.proposals.get('x')?.directive?.sequence ?? 0
  asked.ask(close('x', sequence), { atMs: 8_000 })
  expect(asked.outcome(more('y', 2), { author: 'b', atMs: 300_000 })).toBe('proposal-exists')
  expect(asked.outcome(more('y', 4), { author: 'b', atMs: 300_000 })).toBe('changed')
})

test('a member that floods gets no further than its share, and the group holds no more than it may', () => {
  const asked = group()
  const lack = (no: number, at = 'b') => make(`p${no}`, { kind: 'capability', from: 'system4', subject: `tool${no}`, at })
  const outcomes = Array.from({ length: 20 }, (_, at) => asked.outcome(lack(at), { author: 'b' }))
  expect(outcomes.filter((each) => each === 'changed')).toHaveLength(constants.PROPOSALS_OPEN_PER_MEMBER_MAX)
  expect(outcomes.at(-1)).toBe('proposals-full')
  expect(asked.outcome(lack(99, 'c'), { author: 'c' })).toBe('changed')
  for (let at = 100; at < 400; at++) {
    asked.ask(lack(at, 'c'), { author: 'c' })
    asked.ask(decide(`p${at}`), { atMs: at })
  }
  const over = [...asked.state.proposals].filter(([, { decision }]) => decision !== undefined)
  expect(over).toHaveLength(constants.PROPOSALS_OVER_MAX)
  expect(asked.state.proposals.has('p399')).toBe(true)
})

test('only a voter decides by the policies; a person decides at any member, also what was deferred', () => {
  const asked = group()
  asked.ask(make('x'), { author: 'b' })
  expect(asked.outcome(accept('x'), { author: 'c' })).toBe('not-yours')
  const deferred = decide('x', { verdict: 'deferred', clause: 'policy.accept', reason: 'a person decides' })
  expect(asked.outcome(deferred, { atMs: 2_000 })).toBe('changed')
  expect(asked.outcome(deferred, { atMs: 3_000 })).toBe('unchanged')
  expect(asked.outcome(accept('x', { by: 'person', clause: 'person' }), { author: 'c', atMs: 9_000 })).toBe('changed')
  expect(asked.state.proposals.get('x')?.decision).toMatchObject({ by: 'person', author: 'c', latencyMs: 8_000 })
  expect(asked.outcome(accept('nope'))).toBe('proposal-unknown')
})

test('a leader whose clock is behind that of the one before decides within no time, not in less', () => {
  const asked = group()
  asked.ask(make('x'), { author: 'b', atMs: 5_000 })
  asked.ask(decide('x'), { atMs: 1_000 })
  expect(asked.state.proposals.get('x')?.decision?.latencyMs).toBe(0)
})

test('a unit that went meanwhile is not directed', () => {
  const asked = group()
  asked.ask(make('x'), { author: 'b' })
  asked.ask({ op: 'unit:release', unit: 'files' }, { author: 'b' })
  expect(asked.outcome(accept('x'))).toBe('unit-unknown')
  expect(asked.outcome(decide('x'))).toBe('changed')
})

describe('what becomes of a directive', () => {
  function directed(): { asked: Group; sequence: number } {
    const asked = group()
    asked.ask(make('x'), { author: 'b' })
    asked.ask(accept('x'))
    return { asked, sequence: asked.index }
  }

  it('is said by a voter, about the one in force; only its host says that it does not obey', () => {
    const { asked, sequence } = directed()
    expect(asked.outcome(close('x', sequence - 1))).toBe('unchanged')
    expect(asked.outcome(close('x', sequence), { author: 'b' })).toBe('not-yours')
    expect(asked.outcome(close('x', sequence, { outcome: 'refused' }))).toBe('not-yours')
    expect(asked.outcome(close('x', sequence), { atMs: 4_000 })).toBe('changed')
    expect(asked.effects).toEqual([{ type: 'directive:closed', id: 'x' }])
    expect(asked.state.proposals.get('x')?.closure).toEqual({
      outcome: 'met',
      measured: 40,
      reason: 'three windows in a row',
      atMs: 4_000,
    })
    expect(asked.outcome(close('x', sequence, { outcome: 'unmet' }))).toBe('proposal-over')
    expect(asked.outcome(close('x', sequence, { outcome: 'lapsed' }))).toBe('changed')
    expect(asked.outcome(close('x', sequence, { outcome: 'met' }))).toBe('proposal-over')
  })

  it('is given once more, higher and later in the order, and not a third time', () => {
    const { asked, sequence } = directed()
    const renew = {
      op: 'directive:renew' as const,
      id: 'x',
      value: 3,
      measured: 90,
      reason: 'no effect',
      checkAtMs: 9_000,
      expiresAtMs: 70_000,
    }
    expect(asked.outcome(renew, { author: 'c' })).toBe('not-yours')
    expect(asked.outcome(renew, { atMs: 6_000 })).toBe('changed')
    expect(asked.state.proposals.get('x')).toMatchObject({
      directive: { attempt: 2, value: 3, checkAtMs: 9_000, givenAtMs: 6_000 },
      missed: { measured: 90 },
    })
    expect(asked.state.proposals.get('x')?.directive?.sequence).toBeGreaterThan(sequence)
    expect(asked.outcome(close('x', sequence, { outcome: 'unmet' }))).toBe('unchanged')
    expect(asked.outcome(renew)).toBe('unchanged')
    const read = decodeGroupState(encodeGroupState(asked.state))
    expect(read.proposals.get('x')).toEqual(asked.state.proposals.get('x'))
  })

  it('no more of them are in force than may be, whoever accepts', () => {
    const asked = group()
    let accepted = 0
    for (let at = 0; at < constants.DIRECTIVES_MAX + 5; at++) {
      asked.ask(make(`p${at}`, { kind: 'capability', from: 'system4', subject: `tool${at}` }), { author: 'b' })
      if (asked.outcome(accept(`p${at}`, { by: 'person' }), { author: 'c' }) === 'changed') accepted++
      else asked.ask(decide(`p${at}`))
    }
    expect(accepted).toBe(constants.DIRECTIVES_MAX)
    expect(asked.state.proposals.size).toBeLessThanOrEqual(constants.PROPOSALS_KEPT_MAX)
  })
})

describe('identity', () => {
  const governed = (featureLevel: number): Group => decidingGroup({ ...DECIDING, featureLevel })
  function set(asked: Group, policies: JsonObject, operator = 'olga'): string {
    const expects = policyVersionOf(asked.state.charter)
    return asked.give(signedBy(asked, { op: 'policy:set', policies, expects }, { operator }))
  }

  it('is said once by an operator, and changed by the mesh key alone from then on', () => {
    const asked = governed(GOVERNING_LEVEL)
    expect(set(asked, { a: 1 })).toBe('changed')
    expect(set(asked, { identity: { name: 'mill' } })).toBe('changed')
    expect(set(asked, { identity: { name: 'mill' }, a: 2 }, 'omar')).toBe('changed')
    expect(set(asked, { identity: { name: 'quarry' } })).toBe('identity-fixed')
    expect(set(asked, { a: 3 })).toBe('identity-fixed')
    expect(set(asked, { identity: { name: 'quarry' } }, MESH_KEY_SIGNER)).toBe('changed')
  })

  it('is fixed only from its level on: what nodes of older versions decide they decide alike', () => {
    const asked = governed(GOVERNING_LEVEL - 1)
    expect(set(asked, { identity: { name: 'mill' } })).toBe('changed')
    expect(set(asked, {})).toBe('changed')
  })
})
