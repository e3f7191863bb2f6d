import { seededRandom, systemClock, type Timer } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import { Settling } from '../src/recursion/settling.ts'

/** Timers that run when the test says so. */
function made(work: () => Promise<boolean>) {
  const due = new Set<() => void>()
  const after = (_ms: number, fn: () => void): Timer => {
    due.add(fn)
    return { cancel: () => void due.delete(fn) }
  }
  const settling = new Settling({ work, clock: { ...systemClock, after }, random: seededRandom(1) })
  const ring = (): void => {
    const all = [...due]
    due.clear()
    for (const fn of all) fn()
  }
  return { settling, due, ring }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('what is asked for meanwhile is done once more, however often it was asked for', async () => {
  let runs = 0
  const { settling, due } = made(async () => {
    runs++
    await settled()
    return true
  })
  settling.ask()
  settling.ask()
  settling.ask()
  await expect.poll(() => runs).toBe(2)
  await settled()
  expect([runs, due.size]).toEqual([2, 0])
})

test('what did not succeed is tried again after a pause, until it does, and not after the end', async () => {
  const outcomes = [false, false, true, false]
  let runs = 0
  const { settling, due, ring } = made(async () => outcomes[runs++] ?? true)
  settling.ask()
  await settled()
  expect([runs, due.size]).toEqual([1, 1])
  ring()
  await settled()
  expect([runs, due.size]).toEqual([2, 1])
  ring()
  await settled()
  expect([runs, due.size]).toEqual([3, 0])
  settling.ask()
  await settled()
  expect([runs, due.size]).toEqual([4, 1])
  settling.end()
  settling.ask()
  await settled()
  expect([runs, due.size]).toEqual([4, 0])
})
