import { callTool } from '../control/tool-call.ts'
import type { GroupParts } from '../parts.ts'
import { OccurrenceRunner } from '../system2/occurrence-runner.ts'
import { ScheduleDesk } from '../system2/schedule-desk.ts'
import type { Assembly } from './assembly.ts'

type Beneath = Pick<GroupParts, 'log' | 'decisions' | 'catalog' | 'router' | 'timetables'>

/** System 2's schedules on every node: what is assigned to it is run, and people ask it. */
export function scheduleParts(assembly: Assembly, beneath: Beneath): Pick<GroupParts, 'schedules' | 'occurrences'> {
  const { store, clock, scopes, random, logger, self, group } = assembly
  const { log, decisions, catalog, router, timetables } = beneath
  const { nameOf } = group
  const running = scopes.of('occurrences')
  const occurrences = new OccurrenceRunner({
    self,
    log: running.hears(log),
    decisions,
    call: (request) => callTool({ catalog, router, clock, nameOf }, request),
    kv: store.kv('occurrences'),
    clock: running.clock,
    random,
    logger: logger.child({ part: 'system2' }),
  })
  const isListed = (tool: string): boolean => catalog.findTool(tool) !== undefined
  const schedules = new ScheduleDesk({ log, decisions, timetables, isListed, nameOf, clock })
  return { schedules, occurrences }
}
