import { describe, expect, it } from 'vitest'
import { DUE_AHEAD_MAX_MS } from '../src/constants.ts'
import { type Fault, PERIOD_MS, ScheduleWorld } from './support/schedule-world.ts'

const MISSED = ['skip', 'once', 'all'] as const

/** What is wrong in the life of this seed; nothing when all is as promised. */
function flawsOf(seed: number, fault: Fault, leaderCrashes: number): { flaws: string[]; world: ScheduleWorld } {
  const idempotent = seed % 4 === 0
  const world = new ScheduleWorld(seed, fault, { idempotent, missed: MISSED[seed % 3] ?? 'once' })
  world.storm(leaderCrashes)
  const before = world.begun.length
  world.calm(600)
  const flaws: string[] = []
  const seen = new Set<string>()
  for (const { run, peer } of world.begun) {
    // One start of each occurrence, or of each attempt of one that may be begun again.
    const slot = `${Math.floor(run.timeMs / PERIOD_MS)}${idempotent ? `, attempt ${run.attempt}` : ''}`
    if (seen.has(slot)) flaws.push(`seed ${seed}: occurrence ${slot} is begun twice, at last on ${peer}`)
    seen.add(slot)
  }
  if (world.begun.length < before + 3) flaws.push(`seed ${seed}: nothing is run after the storm`)
  const { history } = world.state.schedules.get('job') ?? { history: [] }
  // In the calm nobody fails: the last ones end well, each begun once.
  const last = history.filter(({ outcome }) => outcome !== 'skipped').slice(-3)
  if (last.some(({ outcome }) => outcome !== 'done'))
    flaws.push(`seed ${seed}: an occurrence in the calm ends as ${last.at(-1)?.outcome}`)
  return { flaws, world }
}

/** A leader's clock is a day ahead for a while; then another leads, and all clocks are right. */
function silencedBy(seed: number, fault: Fault): string[] {
  const world = new ScheduleWorld(seed, fault, { idempotent: false, missed: MISSED[seed % 3] ?? 'once' })
  world.calm(100)
  world.putAhead('a', 86_400_000)
  world.calm(300)
  world.putAhead('b', 0)
  const before = world.begun.length
  world.calm(600)
  const aheadMs = (world.state.schedules.get('job')?.decidedToMs ?? 0) - world.nowMs
  const flaws = aheadMs > DUE_AHEAD_MAX_MS ? [`it is decided up to ${aheadMs} ms ahead`] : []
  if (world.begun.length < before + 3) flaws.push('nothing is run afterwards')
  return flaws.length === 0 ? [] : [`seed ${seed}: ${flaws.join(', ')}`]
}

describe('schedules in 1,000 leader crashes', () => {
  it('never begin an occurrence twice, whoever leads and whoever crashes, and go on afterwards', () => {
    let leaderCrashes = 0
    let executorCrashes = 0
    let begun = 0
    for (let seed = 1; seed <= 100; seed++) {
      const { flaws, world } = flawsOf(seed, 'nothing', 10)
      expect(flaws).toEqual([])
      leaderCrashes += world.leaderCrashes
      executorCrashes += world.executorCrashes
      begun += world.begun.length
    }
    expect(leaderCrashes).toBeGreaterThanOrEqual(1_000)
    // Lest the lives are too quiet to prove anything.
    expect(executorCrashes).toBeGreaterThan(100)
    expect(begun).toBeGreaterThan(2_000)
  }, 60_000)

  it('are not silenced by a leader whose clock is a day ahead: they go on by the clocks of most', () => {
    for (let seed = 1; seed <= 20; seed++) expect(silencedBy(seed, 'nothing')).toEqual([])
  })

  it('are seen to be silenced when nobody looks at the clocks of others', () => {
    const seeds = Array.from({ length: 20 }, (_, i) => i + 1)
    const flaws = seeds.flatMap((seed) => silencedBy(seed, 'goes by its own clock alone, and voters by none'))
    expect(flaws).toHaveLength(20)
  })

  it.each<Fault>(['begins before the disk has it', 'names an occurrence by the time it was noticed'])(
    'are seen to begin one twice when the executor or the leader %s',
    (fault) => {
      const seeds = Array.from({ length: 20 }, (_, i) => i + 1)
      expect(seeds.find((seed) => flawsOf(seed, fault, 10).flaws.some((flaw) => flaw.includes('begun twice')))).toBeDefined()
    },
    60_000,
  )
})
