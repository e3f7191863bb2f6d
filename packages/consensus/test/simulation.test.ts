import { expect, test } from 'vitest'
import { InvariantBroken } from './support/invariants.ts'
import { type Mutation, Simulation } from './support/simulation.ts'

/** `SEED=17 vitest run packages/consensus/test/simulation.test.ts` replays one life. */
const ONLY = process.env['SEED']
const SEEDS = ONLY === undefined ? Array.from({ length: 300 }, (_, i) => i + 1) : [Number(ONLY)]

test('election safety, log matching, leader completeness, state machine safety and linearizable reads hold under loss, duplication, reordering, partitions, crashes, slow disks and changes of voters, and the group recovers', () => {
  let elections = 0
  let reads = 0
  for (const seed of SEEDS) {
    const simulation = new Simulation({ seed })
    try {
      simulation.run()
    } catch (error) {
      throw new Error(`replay with SEED=${seed}`, { cause: error })
    }
    elections += simulation.invariants.elections
    reads += simulation.invariants.readsAnswered
  }
  // A simulation in which nothing happens proves nothing.
  if (ONLY === undefined) {
    expect(elections).toBeGreaterThan(2 * SEEDS.length)
    expect(reads).toBeGreaterThan(SEEDS.length)
  }
})

test.for<[Mutation, string[]]>([
  ['double vote', ['election safety']],
  ['forgetful disk', ['election safety', 'state machine safety', 'leader completeness']],
  ['send before write', ['election safety', 'state machine safety', 'leader completeness', 'log matching']],
  ['forged heartbeat answers', ['linearizable reads']],
  ['acknowledge before write', ['state machine safety', 'leader completeness', 'log matching']],
])('the checker sees a planted fault: %s', ([mutation, expected]) => {
  for (let seed = 1; seed <= 2_000; seed++) {
    try {
      new Simulation({ seed, mutation }).run()
    } catch (error) {
      if (error instanceof InvariantBroken) {
        expect(expected).toContain(error.invariant)
        return
      }
    }
  }
  throw new Error(`no seed shows the fault "${mutation}"`)
})
