import { seededRandom } from '@vsmcp/kernel'
import { AllocationDamping, ResourceBargain } from '@vsmcp/vsm'
import { BARGAIN_TICK_MS, CHAT_POOL } from './constants.ts'
import { HEADROOM } from './elastic.ts'
import type { Timeline } from './timeline.ts'

export interface PoolInit {
  readonly seed: number
  readonly isDamped: boolean
  readonly granted: (site: number, instances: number) => void
}

const nameOf = (site: number): string => `site-${site}`

/** The instances that the mesh has for all sites, shared out by the same System 3 as a node's places: one level up, where the units are sites. */
export class Pool {
  readonly #bargain: ResourceBargain

  constructor(timeline: Timeline, { seed, isDamped, granted }: PoolInit) {
    const damping = new AllocationDamping(seededRandom(seed))
    this.#bargain = new ResourceBargain({
      capacity: { concurrency: CHAT_POOL, ratePerS: null, memoryBytes: null },
      ...(isDamped ? { damp: (...how: Parameters<AllocationDamping['damp']>) => damping.damp(...how) } : {}),
    })
    timeline.every(BARGAIN_TICK_MS, BARGAIN_TICK_MS, () => {
      for (const { unit, concurrency } of this.#bargain.tick(timeline.nowMs)) {
        granted(Number(unit.slice(nameOf(0).length - 1)), concurrency)
      }
    })
  }

  /**
   * What a site would use, instances. The bargain takes a unit to want a quarter more than it uses, and one call at once more, so that growth can be
   * seen; of instances one more is a third of a site. So it is told what makes it want as many as the site would start.
   */
  observe(site: number, need: number): void {
    const wanted = Math.ceil(need * HEADROOM)
    this.#bargain.observe(nameOf(site), {
      weight: 1,
      concurrencyMax: CHAT_POOL,
      ratePerSMax: null,
      owed: { p99Ms: null, errorShare: null },
      concurrency: Math.max(0, wanted - 1) / HEADROOM,
      ratePerS: 0,
      memoryBytes: null,
    })
  }
}
