import { describe, expect, it } from 'vitest'
import { CLOCKS_LEVEL, decodeGroupState, encodeGroupState, type Endorsement, type Schedule } from '../src/index.ts'
import { DECIDING, decidingGroup, endorsedBy, endorsementsOf } from './support/decided.ts'
import type { Group } from './support/group.ts'

const NIGHTLY = {
  op: 'schedule:add',
  name: 'nightly',
  cron: '0 3 * * *',
  timezone: 'UTC',
  tool: 'files__sweep',
  argsJson: '{"deep":true}',
  missed: 'once',
  idempotent: false,
  timeoutMs: 60_000,
} as const

function scheduled(overrides: Partial<Omit<typeof NIGHTLY, 'idempotent'>> & { idempotent?: boolean } = {}): Group {
  const group = decidingGroup({ ...DECIDING, featureLevel: 3 })
  expect(group.outcome({ ...NIGHTLY, ...overrides })).toBe('changed')
  return group
}

const schedule = (group: Group): Schedule => {
  const found = group.state.schedules.get('nightly')
  if (found === undefined) throw new Error('there is no schedule')
  return found
}

const ref = (group: Group): { name: string; addedAtIndex: number } => ({
  name: 'nightly',
  addedAtIndex: schedule(group).addedAtIndex,
})

const due = (group: Group, times: readonly number[], decidedToMs: number, more: { author?: string; executor?: string } = {}) =>
  group.outcome(
    { op: 'occurrence:due', ...ref(group), times, skips: [], decidedToMs, executor: more.executor ?? 'd' },
    { author: more.author ?? 'b', atMs: 10_000 },
  )

const take = (group: Group, timeMs: number, author = 'd', attempt = 1) =>
  group.outcome({ op: 'occurrence:take', ...ref(group), timeMs, attempt }, { author })

const end = (group: Group, timeMs: number, outcome: 'done' | 'failed' | 'unknown', attempt = 1) =>
  group.outcome(
    { op: 'occurrence:end', ...ref(group), timeMs, attempt, outcome, reason: '', startedAtMs: 1, endedAtMs: 2 },
    { author: 'd' },
  )

describe('schedules', () => {
  it('are added once, by one name, and removed', () => {
    const group = scheduled()
    expect(group.outcome(NIGHTLY)).toBe('unchanged')
    expect(group.outcome({ ...NIGHTLY, cron: '0 4 * * *' })).toBe('schedule-exists')
    expect(group.outcome({ op: 'schedule:remove', name: 'nightly' })).toBe('changed')
    expect(group.outcome({ op: 'schedule:remove', name: 'nightly' })).toBe('schedule-unknown')
    expect(decidingGroup().outcome(NIGHTLY)).toBe('feature-level')
  })

  it('refuse arguments that are no object, a timeout out of bounds and a node that is none', () => {
    expect(() => scheduled({ argsJson: '[1]' as never })).toThrow('JSON object')
    expect(() => scheduled({ argsJson: '{' as never })).toThrow('JSON object')
    expect(() => scheduled({ timeoutMs: 1 as never })).toThrow('timeoutMs')
    expect(decidingGroup({ ...DECIDING, featureLevel: 3 }).outcome({ ...NIGHTLY, node: 'nobody' })).toBe('member-unknown')
  })

  it('put an occurrence into the queue once, whoever says so and however often', () => {
    const group = scheduled()
    expect(due(group, [2_000], 2_500)).toBe('changed')
    expect(schedule(group)).toMatchObject({ queue: [2_000], decidedToMs: 2_500, run: { executor: 'd', attempt: 1 } })
    expect(due(group, [2_000], 2_500, { author: 'c', executor: 'a' })).toBe('unchanged')
    expect(due(group, [2_000], 2_600, { author: 'c', executor: 'a' })).toBe('occurrence-over')
    expect(due(group, [3_000], 4_000, { author: 'd' })).toBe('not-yours')
    expect(due(group, [11_000], 12_000)).toBe('occurrence-early')
    expect(schedule(group).queue).toEqual([2_000])
  })

  it('are decided up to a time only with the word of a majority of the voters, from the level on that knows of it', () => {
    const group = decidingGroup({ ...DECIDING, featureLevel: CLOCKS_LEVEL })
    expect(group.outcome(NIGHTLY)).toBe('changed')
    const asked = { op: 'occurrence:due', ...ref(group), times: [2_000], skips: [], decidedToMs: 2_500, executor: 'd' } as const
    const outcome = (endorsements?: readonly Endorsement[], change: object = {}): string =>
      group.outcome({ ...asked, ...(endorsements && { endorsements }), ...change }, { author: 'b', atMs: 10_000 })
    expect(outcome()).toBe('not-endorsed')
    expect(outcome(endorsementsOf(group, asked, ['b']))).toBe('not-endorsed')
    // The learner has no say.
    expect(outcome(endorsementsOf(group, asked, ['b', 'd']))).toBe('not-endorsed')
    const given = endorsementsOf(group, asked, ['b', 'c'])
    // What was signed is this time, and no later one.
    expect(outcome(given, { decidedToMs: 9_000 })).toBe('not-endorsed')
    expect(outcome(given, { times: [2_100] })).toBe('not-endorsed')
    expect(outcome(given)).toBe('changed')
    expect(schedule(group)).toMatchObject({ queue: [2_000], decidedToMs: 2_500 })
    expect(outcome(given)).toBe('unchanged')
  })

  it('are taken by whom they are assigned to, and by nobody after that', () => {
    const group = scheduled()
    due(group, [2_000], 2_500)
    expect(take(group, 2_000, 'a')).toBe('not-yours')
    const assign = { op: 'occurrence:assign', ...ref(group), timeMs: 2_000, attempt: 1 } as const
    expect(group.outcome({ ...assign, executor: 'a' }, { author: 'b' })).toBe('changed')
    expect(take(group, 2_000, 'd')).toBe('not-yours')
    expect(group.outcome({ ...assign, executor: 'd' }, { author: 'b' })).toBe('changed')
    expect(take(group, 2_000)).toBe('changed')
    expect(take(group, 2_000)).toBe('unchanged')
    expect(group.outcome({ ...assign, executor: 'a' }, { author: 'b' })).toBe('occurrence-over')
    expect(end(group, 2_000, 'done')).toBe('changed')
    expect(take(group, 2_000)).toBe('occurrence-over')
    expect(end(group, 2_000, 'done')).toBe('unchanged')
    expect(schedule(group).history).toMatchObject([{ timeMs: 2_000, outcome: 'done', executor: 'd' }])
    expect(schedule(group).run).toBeUndefined()
  })

  it('that overrun themselves skip what becomes due meanwhile, and say so', () => {
    const group = scheduled()
    due(group, [2_000], 2_500)
    take(group, 2_000)
    due(group, [3_000], 3_500)
    due(group, [4_000], 4_500)
    expect(schedule(group).queue).toEqual([2_000])
    expect(schedule(group).history).toEqual([
      {
        timeMs: 3_000,
        toMs: 4_000,
        count: 2,
        outcome: 'skipped',
        reason: 'the occurrence before was not over',
      },
    ])
  })

  it('end as unknown when the executor is gone by the word of the voters, and only then', () => {
    const group = scheduled()
    due(group, [2_000], 2_500)
    const lose = { op: 'occurrence:lose', ...ref(group), timeMs: 2_000, attempt: 1 } as const
    expect(group.give(endorsedBy(group, lose, ['a', 'b']))).toBe('occurrence-over')
    take(group, 2_000)
    expect(group.give(endorsedBy(group, lose, ['b']))).toBe('not-endorsed')
    expect(group.give(endorsedBy(group, lose, ['a', 'b']))).toBe('changed')
    expect(schedule(group).history).toMatchObject([{ outcome: 'unknown', reason: 'its node is gone' }])
    expect(schedule(group).queue).toEqual([])
    expect(end(group, 2_000, 'done')).toBe('unchanged')
  })

  it('begin an idempotent occurrence of unknown outcome again, three times in all', () => {
    const group = scheduled({ idempotent: true })
    due(group, [2_000], 2_500)
    for (const attempt of [1, 2, 3]) {
      expect(schedule(group).run).toMatchObject({ attempt })
      expect(take(group, 2_000, 'd', attempt)).toBe('changed')
      expect(end(group, 2_000, 'unknown', attempt)).toBe('changed')
    }
    expect(schedule(group).queue).toEqual([])
    expect(schedule(group).history.map(({ attempt }) => attempt)).toEqual([1, 2, 3])
  })

  it('run what was missed one after the other, and remember a bounded number', () => {
    const group = scheduled()
    const times = Array.from({ length: 25 }, (_, i) => 2_000 + i)
    due(group, times, 3_000)
    for (const timeMs of times) {
      take(group, timeMs)
      end(group, timeMs, 'failed')
    }
    expect(schedule(group).queue).toEqual([])
    expect(schedule(group).history.map(({ timeMs }) => timeMs)).toEqual(times.slice(-20))
  })

  it('are in a snapshot', () => {
    const group = scheduled()
    due(group, [2_000, 2_001], 2_500)
    take(group, 2_000)
    end(group, 2_000, 'done')
    expect(decodeGroupState(encodeGroupState(group.state))).toEqual(group.state)
  })
})
