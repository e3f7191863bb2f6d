import { Table } from '@vsmcp/consensus'
import type { GroupState, Schedule } from '@vsmcp/consensus'
import { silentLogger, systemClock } from '@vsmcp/kernel'
import { expect, it } from 'vitest'
import { ScheduleCoordinator } from '../src/system2/schedule-coordinator.ts'
import { Timetables } from '../src/system2/timetables.ts'
import type { Decisions } from '../src/system5/decisions.ts'

const schedule = (addedAtIndex: number): Schedule => ({
  cron: '* * * * *',
  timezone: 'UTC',
  tool: 'x',
  argsJson: '{}',
  missed: 'skip',
  idempotent: false,
  timeoutMs: 60_000,
  addedBy: 'a',
  addedAtIndex,
  addedAtMs: 0,
  decidedToMs: systemClock.wallMs() - 120_000,
  queue: [],
  history: [],
})

it('a schedule of which the group refuses to decide holds up none of those after it', async () => {
  const schedules = Table.from([1, 2, 3].map((at) => [`job-${at}`, schedule(at)] as const))
  const state = {
    schedules,
    members: Table.from([['a', {}]]),
    charter: { featureLevel: 3 },
    configuration: { voters: ['a'] },
  } as unknown as GroupState
  const asked: string[] = []
  const decideHere: Decisions['decideHere'] = async (request) => {
    if (request.op !== 'occurrence:due') throw new Error(request.op)
    asked.push(request.name)
    if (request.name === 'job-1') throw new Error('refused')
    return { ok: true, changed: true }
  }
  const coordinator = new ScheduleCoordinator({
    self: 'a',
    log: { state },
    decisions: { decideHere },
    endorsing: { forOperation: () => Promise.reject(new Error('not asked below the level')) },
    timetables: new Timetables(),
    reachedByMost: () => undefined,
    sees: () => ({ state: 'alive', forMs: 0 }),
    hostOf: () => undefined,
    clock: systemClock,
    logger: silentLogger,
  })
  await coordinator.work()
  expect(asked).toEqual(['job-1', 'job-2', 'job-3'])
})
