/**
 * The real consensus and membership on a simulated network, disk and clock. One seed drives all of it, and replays it.
 */
import { Life, type LifeInit, type LifeSummary } from './life.ts'

/** One life of a group under faults, and its recovery. Throws `InvariantBrokenError` when something happened that never may. */
export const simulate = (init: LifeInit): LifeSummary => new Life(init).run()

export { InvariantBrokenError } from './errors.ts'
export type { LifeInit, LifeSummary } from './life.ts'
