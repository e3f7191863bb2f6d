import { describe, expect, it } from 'vitest'
import { type Clock, Lifecycle, type Startable, systemClock, TimeoutError } from '../src/index.ts'

const recording = (log: string[], name: string, fail?: 'start' | 'stop'): Startable => ({
  async start() {
    log.push(`start ${name}`)
    if (fail === 'start') throw new Error(`${name} will not start`)
  },
  async stop() {
    log.push(`stop ${name}`)
    if (fail === 'stop') throw new Error(`${name} will not stop`)
  },
})

/** A clock whose timers fire when the test says so. */
function manualClock(): Clock & { fire(): void } {
  const due: (() => void)[] = []
  return {
    ...systemClock,
    after(_delayMs, fn) {
      due.push(fn)
      return { cancel: () => void due.splice(due.indexOf(fn), 1) }
    },
    fire: () => {
      for (const fn of due.splice(0)) fn()
    },
  }
}

describe('Lifecycle', () => {
  it('starts in the order given and stops in reverse', async () => {
    const log: string[] = []
    const lifecycle = new Lifecycle(systemClock)
    await lifecycle.start('a', recording(log, 'a'))
    await lifecycle.start('b', recording(log, 'b'))
    await lifecycle.stop()
    expect(log).toEqual(['start a', 'start b', 'stop b', 'stop a'])
  })

  it('stops the rest when one does not stop, and reports it', async () => {
    const log: string[] = []
    const lifecycle = new Lifecycle(systemClock)
    await lifecycle.start('a', recording(log, 'a'))
    await lifecycle.start('b', recording(log, 'b', 'stop'))
    await expect(lifecycle.stop()).rejects.toThrow(AggregateError)
    expect(log.at(-1)).toBe('stop a')
  })

  it('does not stop what never started', async () => {
    const log: string[] = []
    const lifecycle = new Lifecycle(systemClock)
    await expect(lifecycle.start('a', recording(log, 'a', 'start'))).rejects.toThrow('will not start')
    await lifecycle.stop()
    expect(log).toEqual(['start a'])
  })

  it('gives up on a component at its deadline and names it', async () => {
    const clock = manualClock()
    const lifecycle = new Lifecycle(clock, 50)
    const started = lifecycle.start('slow thing', { start: () => new Promise(() => {}), stop: async () => {} })
    clock.fire()
    await expect(started).rejects.toThrow(TimeoutError)
    await expect(started).rejects.toThrow('starting slow thing took longer than 50 ms')
  })
})
