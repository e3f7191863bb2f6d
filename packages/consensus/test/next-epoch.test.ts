import { expect, it } from 'vitest'
import { nextEpoch } from '../src/index.ts'
import { DECIDING, decidingGroup } from './support/decided.ts'
import { AUTHORITY, type Group } from './support/group.ts'

const RESOURCES = [{ resource: 'arm', shared: false }]
const RECOVERY = { epoch: 2, voter: 'b', certificate: 'AAAA', atMs: 90_000 }

const group = (): Group => decidingGroup({ ...DECIDING, featureLevel: 3 })

function recovered({ state, index }: Group) {
  return nextEpoch({ state, term: 5 }, { ...RECOVERY, index: index + 1 }, AUTHORITY).state
}

it('the tokens of what is held are above all of the epoch before, also those that this log has not', () => {
  const old = group()
  for (const peer of ['a', 'b']) {
    old.ask({ op: 'unit:claim', unit: `u-${peer}`, peer }, { author: peer })
    old.ask({ op: 'claim:ask', unit: `u-${peer}`, resources: RESOURCES }, { author: peer })
  }
  const { claims } = recovered(old)
  expect(claims.get('a u-a')).toMatchObject({ epoch: 2, token: old.index + 1 })
  expect(claims.get('a u-a')?.askedAtIndex).toBe(old.state.claims.get('a u-a')?.askedAtIndex)
  expect(claims.get('b u-b')).toEqual(old.state.claims.get('b u-b'))
  expect(claims.get('b u-b')).not.toHaveProperty('token')
})

it('an occurrence that may have begun by an entry which was lost is not begun again, unless it does no harm', () => {
  const old = group()
  const declared = { cron: '* * * * *', timezone: 'UTC', tool: 'x', argsJson: '{}', missed: 'all', timeoutMs: 60_000 } as const
  for (const [name, idempotent] of Object.entries({ once: false, again: true })) {
    old.ask({ op: 'schedule:add', name, ...declared, idempotent })
    const due = { times: [2_000, 3_000], skips: [], decidedToMs: 60_000, executor: 'c' }
    old.ask({ op: 'occurrence:due', name, addedAtIndex: old.index, ...due }, { atMs: 60_000 })
  }
  const { schedules } = recovered(old)
  const once = schedules.get('once')
  expect(once).toMatchObject({ queue: [], decidedToMs: RECOVERY.atMs })
  expect(once).not.toHaveProperty('run')
  expect(once?.history.map(({ timeMs, outcome }) => [timeMs, outcome])).toEqual([
    [2_000, 'unknown'],
    [3_000, 'unknown'],
    [60_001, 'skipped'],
  ])
  expect(schedules.get('again')).toEqual(old.state.schedules.get('again'))
})
