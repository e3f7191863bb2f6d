import { describe, expect, it } from 'vitest'
import { type GroupRecord, groupRecords, type RecordRules, RecordTable } from '../../src/index.ts'
import { groupRecord, NOW } from '../support/group-record.ts'

const rules = (more: Partial<RecordRules> = {}): RecordRules => ({
  isNeighbour: (group) => group === 'g-child',
  mayCarry: (peer) => peer === 'first' || peer === 'second',
  mayVoice: (peer) => peer === 'voice' || peer === 'next',
  isSigned: () => true,
  ...more,
})

const made = () => {
  const table = new RecordTable<GroupRecord>(groupRecords)
  return {
    table,
    take: (
      record: Partial<GroupRecord>,
      { carrier = 'first', nowMs = NOW, ...more }: { carrier?: string; nowMs?: number } & Partial<RecordRules> = {},
    ) => {
      const verdict = table.take({ bytes: groupRecords.encode(groupRecord(record)), carrier }, rules(more), nowMs)
      return verdict.taken ? (verdict.isNew ? 'new' : 'known') : verdict.refusal
    },
  }
}

describe('the record of a neighbour', () => {
  it('is kept, the highest order of all that delegates carry', () => {
    const { table, take } = made()
    expect(take({ sequence: 7 })).toBe('new')
    expect(take({ sequence: 7 }, { carrier: 'second' })).toBe('known')
    expect(take({ sequence: 9 }, { carrier: 'second' })).toBe('new')
    expect(take({ sequence: 8 })).toBe('known')
    expect(take({ sequence: 0, term: 4, voice: 'next' })).toBe('new')
    expect(take({ sequence: 0, term: 0, epoch: 2 })).toBe('new')
    expect(table.get('g-child')).toMatchObject({ epoch: 2 })
    expect(table.refused.size).toBe(0)
  })

  it.each<[string, string, Partial<GroupRecord>, Parameters<ReturnType<typeof made>['take']>[1]]>([
    ['of no neighbour', 'orphan', { group: 'g-other' }, {}],
    ['carried by who is no delegate', 'wrong-sender', {}, { carrier: 'stranger' }],
    ['spoken by who does not vote there', 'wrong-sender', { voice: 'stranger' }, {}],
    ['not signed', 'unsigned', {}, { isSigned: () => false }],
    ['whose time is over', 'stale', {}, { nowMs: NOW + 60_000 }],
    ['of a clock far ahead', 'stale', {}, { nowMs: NOW - 300_001 }],
  ])('%s is refused', (_what, refusal, record, how) => {
    const { table, take } = made()
    expect(take(record, how)).toBe(refusal)
    expect(table.records).toEqual([])
    expect(table.refused.get(how?.carrier ?? 'first')).toMatchObject({ [refusal]: 1 })
  })

  it('that cannot be read is refused, and counted against who brought it', () => {
    const { table } = made()
    expect(table.take({ bytes: new Uint8Array(20_000), carrier: 'first' }, rules(), NOW)).toMatchObject({ refusal: 'malformed' })
    expect(table.refused.get('first')).toMatchObject({ malformed: 1 })
  })

  it('is not taken twice from the same hands', () => {
    const { take } = made()
    expect([take({ sequence: 7 }), take({ sequence: 8 }), take({ sequence: 7 })]).toEqual(['new', 'new', 'replayed'])
  })

  it('says one thing: who says two under one order is found, and the first stands', () => {
    const { table, take } = made()
    expect(take({ members: 3 })).toBe('new')
    expect(take({ members: 4 }, { carrier: 'second' })).toBe('contradictory')
    expect(table.get('g-child')).toMatchObject({ members: 3 })
  })

  it('does not come in floods: ten thousand in a second are a handful, and the other delegate is still heard', () => {
    const { take } = made()
    const verdicts = Array.from({ length: 10_000 }, (_, at) => take({ sequence: 10 + at }, { nowMs: NOW + at / 10 }))
    expect(verdicts.filter((verdict) => verdict === 'new').length).toBeLessThan(12)
    expect(verdicts.filter((verdict) => verdict === 'flooded').length).toBeGreaterThan(9_980)
    expect(take({ sequence: 20_000 }, { carrier: 'second', nowMs: NOW + 1_000 })).toBe('new')
  })

  it('ends in time, and is then not known', () => {
    const { table, take } = made()
    take({})
    expect(table.tick(NOW + 59_999)).toEqual([])
    expect(table.get('g-child')).toBeDefined()
    expect(table.tick(NOW + 60_000)).toEqual(['g-child'])
    expect(table.get('g-child')).toBeUndefined()
  })

  it('goes with the group', () => {
    const { table, take } = made()
    take({})
    take({}, { carrier: 'stranger' })
    table.keepOnly(
      () => false,
      () => false,
    )
    expect([table.records, table.refused.size, table.bytes]).toEqual([[], 0, 0])
  })
})
