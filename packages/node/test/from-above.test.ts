import type { GroupState } from '@vsmcp/consensus'
import { silentLogger, systemClock } from '@vsmcp/kernel'
import type { GroupDirective } from '@vsmcp/vsm'
import { describe, expect, it } from 'vitest'
import { FromAbove } from '../src/recursion/from-above.ts'
import { foundMesh } from './support/group.ts'

const directive = (id: string): GroupDirective => ({
  id,
  by: 'stranger',
  order: { kind: 'weight', most: 1 },
  reason: '',
  atMs: 0,
  untilMs: Date.now() + 3_600_000,
})

async function heldTo(directives: GroupDirective[]): Promise<{ fromAbove: FromAbove; state: GroupState; hurts: () => string[] }> {
  const { log } = await foundMesh()
  const { state } = log
  if (state === undefined) throw new Error('it leads, and has a docket')
  const hurts = new Set<string>()
  const fromAbove = new FromAbove({
    state: () => state,
    told: () => ({ directives, lineage: ['root'] }),
    sight: () => ({ windows: () => [] }),
    missed: () => [],
    algedonic: () => ({
      feel: ({ subject }) => {
        hurts.add(subject)
        return { id: subject, isNew: true, effects: [] } as never
      },
      relieve: ({ subject }) => void hurts.delete(subject),
    }),
    clock: systemClock,
    logger: silentLogger,
  })
  return { fromAbove, state, hurts: () => [...hurts] }
}

describe('what directives hurt by', () => {
  it('hurts the leader as long as it is so, and nobody who does not lead any more', async () => {
    const { fromAbove, state, hurts } = await heldTo([directive('1-0-weight')])
    const untold = new Map([['plant', [directive('1-7-stop'), directive('1-8-stop')]]])
    const refused = 'directive 1-0-weight of a group above is not obeyed (weight)'
    fromAbove.follow(state, untold)
    expect(hurts()).toEqual([refused, 'the group plant is not told all that it is held to'])
    fromAbove.follow(state, new Map())
    expect(hurts()).toEqual([refused])
    fromAbove.rest()
    expect(hurts()).toEqual([])
    fromAbove.follow(state, new Map())
    expect(hurts()).toEqual([refused])
  })
})
