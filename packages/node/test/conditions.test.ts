import { type Clock, systemClock, TimeoutError } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { waitFor } from '../src/control/conditions.ts'

/** What is missing, who hears of changes, and a deadline that is over when told. */
function bench() {
  const missing: string[] = ['a System 5']
  const listeners = new Set<() => void>()
  let over = (): void => {}
  const clock: Clock = {
    ...systemClock,
    monotonicMs: () => 0,
    after: (_delayMs, fn) => {
      over = fn
      return { cancel: () => (over = () => {}) }
    },
  }
  const onChange = (listener: () => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  const waiting = waitFor({ clock, missing: () => missing, onChange }, { leader: true, timeoutMs: 2_000 })
  return { missing, listeners, waiting, over: () => over(), change: () => listeners.forEach((listener) => listener()) }
}

describe('who waits for conditions', () => {
  it('goes on with the change after which they hold', async () => {
    const { missing, listeners, waiting, change } = bench()
    change()
    missing.length = 0
    change()
    await expect(waiting).resolves.toEqual({ waitedMs: 0 })
    expect(listeners.size).toBe(0)
  })

  it('is told at the deadline what is missing', async () => {
    const { listeners, waiting, over } = bench()
    over()
    await expect(waiting).rejects.toThrow(TimeoutError)
    await expect(waiting).rejects.toThrow('still missing after 2 s: a System 5')
    expect(listeners.size).toBe(0)
  })

  it('is never told that nothing was missing: what holds at the deadline holds', async () => {
    const { missing, waiting, over } = bench()
    missing.length = 0
    over()
    await expect(waiting).resolves.toEqual({ waitedMs: 0 })
  })
})
