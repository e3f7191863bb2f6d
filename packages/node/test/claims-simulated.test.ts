import { describe, expect, it } from 'vitest'
import { type ClaimFault, ClaimWorld } from './support/claim-world.ts'

const STEPS = 2_000

function lived(seed: number, fault: ClaimFault): ClaimWorld {
  const world = new ClaimWorld(seed, fault)
  world.live(STEPS)
  return world
}

describe('a resource that checks no token', () => {
  it('is never used by two at once, whoever is cut off, crashes, or hears of its claim too late', () => {
    let begun = 0
    let takenAway = 0
    for (let seed = 1; seed <= 30; seed++) {
      const world = lived(seed, 'nothing')
      expect(world.clashes, `seed ${seed}`).toEqual([])
      begun += world.begun
      takenAway += world.takenAway
    }
    // Lest the lives are too quiet to prove anything.
    expect(begun).toBeGreaterThan(5_000)
    expect(takenAway).toBeGreaterThan(20)
  }, 60_000)

  it.each<ClaimFault>(['takes claims away as soon as they are called back', 'has its own copy bear a claim out'])(
    'is seen to be used by two at once when the group or a node %s',
    (fault) => {
      const seeds = Array.from({ length: 40 }, (_, i) => i + 1)
      expect(seeds.find((seed) => lived(seed, fault).clashes.length > 0)).toBeDefined()
    },
    60_000,
  )
})
