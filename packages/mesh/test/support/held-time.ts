import { type Clock, systemClock } from '@vsmcp/kernel'
import { expect } from 'vitest'

/** No other timer of a mesh is so long. */
export const HELD_MS = 4_321

/** Time in which only what would take `HELD_MS` waits for the test: what a busy machine takes before that is nobody's fault. */
export function heldTime() {
  const held = new Set<() => void>()
  const clock: Clock = {
    ...systemClock,
    after: (delayMs, fn) => {
      if (delayMs !== HELD_MS) return systemClock.after(delayMs, fn)
      held.add(fn)
      return { cancel: () => void held.delete(fn) }
    },
  }
  /** It is over for so many that wait, as soon as they do. */
  const passes = async (count: number): Promise<void> => {
    await expect.poll(() => held.size).toBe(count)
    for (const fn of held) fn()
    held.clear()
  }
  return { clock, passes }
}
