import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Life, StoppedError, type Strategy, type Supervised, TimeoutError } from '../../src/index.ts'
import { settled } from '../support/hand-clock.ts'
import { Nursery, states } from '../support/nursery.ts'

const never = (): Promise<void> => new Promise(() => {})

describe('a checkpoint', () => {
  const counter =
    (seen: unknown[], lives: Life[]) =>
    (life: Life): Supervised => {
      seen.push(life.checkpoint)
      lives.push(life)
      return { start: async () => {}, stop: async () => {} }
    }

  it('is what the next life begins with, as it was when it was saved', async () => {
    const nursery = new Nursery()
    const seen: unknown[] = []
    const lives: Life[] = []
    await nursery.started({ children: [{ id: 'a', child: counter(seen, lives) }] })
    const state = { count: 1 }
    lives[0]?.save(state)
    state.count = 99
    lives[0]?.exit(new Error('crash'))
    lives[0]?.save({ count: 2 })
    await settled()
    expect(seen).toEqual([undefined, { count: 1 }])
  })

  it('is not taken from a life that is over', async () => {
    const nursery = new Nursery()
    const seen: unknown[] = []
    const lives: Life[] = []
    const supervisor = await nursery.started({ children: [{ id: 'a', child: counter(seen, lives) }] })
    await supervisor.terminateChild('a')
    lives[0]?.save('too late')
    await supervisor.restartChild('a')
    lives[0]?.save('much too late')
    lives[1]?.exit(new Error('crash'))
    await settled()
    expect(seen).toEqual([undefined, undefined, undefined])
  })

  it('ends with its supervisor: what a child crashed over again and again is not given to it once more', async () => {
    const nursery = new Nursery()
    const seen: unknown[] = []
    const lives: Life[] = []
    await nursery.started({
      children: [{ id: 'below', intensity: 1, children: [{ id: 'a', child: counter(seen, lives) }] }],
    })
    lives[0]?.save('poison')
    lives[0]?.exit(new Error('first'))
    await settled()
    lives[1]?.exit(new Error('second'))
    await settled()
    expect(seen).toEqual([undefined, 'poison', undefined])
  })
})

describe('a child that starts', () => {
  it('is given up at its deadline and stopped, and the start names it', async () => {
    const nursery = new Nursery()
    const stops: string[] = []
    const slow: Supervised = { start: never, stop: async () => void stops.push('slow') }
    const starting = nursery.supervisor({ children: [{ id: 'slow thing', child: slow, startDeadlineMs: 50 }] }).start()
    const failure = expect(starting).rejects.toThrow(new TimeoutError('starting slow thing took longer than 50 ms'))
    await nursery.clock.pass(50)
    await failure
    expect(stops).toEqual(['slow'])
    expect(nursery.clock.pending).toBe(0)
  })

  it('and crashes meanwhile did not start', async () => {
    const nursery = new Nursery()
    const child = (life: Life): Supervised => ({
      start: async () => life.exit(new Error('crashed half way')),
      stop: async () => {},
    })
    await expect(nursery.supervisor({ children: [{ id: 'a', child }] }).start()).rejects.toThrow('crashed half way')
    expect(nursery.events.map(({ type }) => type)).toEqual(['start-failed'])
  })

  it('is the last one when its supervisor is told to stop meanwhile', async () => {
    const nursery = new Nursery()
    const slow = Promise.withResolvers<void>()
    const child = (): Supervised => ({ start: () => slow.promise, stop: async () => {} })
    const supervisor = nursery.supervisor({ children: [{ id: 'slow', child }, nursery.child('a')] })
    const starting = expect(supervisor.start()).rejects.toThrow(StoppedError)
    const stopping = supervisor.stop()
    slow.resolve()
    await Promise.all([starting, stopping])
    expect(nursery.log()).toEqual([])
    expect(states(supervisor)).toEqual({ slow: 'ended', a: 'ended' })
  })

  it('is not started again once its supervisor is told to stop', async () => {
    const nursery = new Nursery()
    const slow = Promise.withResolvers<void>()
    const children = [nursery.child('a', { stop: () => slow.promise }), nursery.child('b')]
    const supervisor = await nursery.started({ strategy: 'one_for_all', children })
    await nursery.crash('b')
    const stopping = supervisor.stop()
    slow.resolve()
    await stopping
    expect(nursery.log()).toEqual(['b down', 'a down'])
  })
})

describe('a child that does not stop', () => {
  it('lives on beside its successor, when each life is one of its own', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({ children: [nursery.child('a', { stop: never, stopDeadlineMs: 100 })] })
    await nursery.crash('a')
    expect(states(supervisor)).toEqual({ a: 'stopping' })
    await nursery.clock.pass(100)
    expect(nursery.events.map(({ type }) => type)).toEqual(['crashed', 'abandoned', 'restarted'])
    expect(states(supervisor)).toEqual({ a: 'running' })
  })

  it.each([0, 1])(
    'makes its supervisor give up, %i levels up, when the same component would have to live again',
    async (depth) => {
      const nursery = new Nursery()
      let exit: Life['exit'] = () => {}
      const component: Supervised = { start: async () => {}, stop: never }
      const starter = nursery.child('trigger')
      const worker = { id: 'a', child: component, stopDeadlineMs: 100 }
      const below = depth === 0 ? worker : { id: 'below', children: [worker] }
      await nursery.started({ strategy: 'one_for_all', intensity: 9, children: [starter, below] })
      exit = nursery.lifeOf('trigger').exit
      exit(new Error('crash'))
      await nursery.clock.pass(100)
      expect(nursery.failures).toMatchObject([{ message: expect.stringContaining('which did not stop') as string }])
    },
  )
})

describe('what a tree shows', () => {
  it('is each child with its state, restarts and last error, down to the leaves', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({
      children: [
        { id: 'below', strategy: 'rest_for_one', children: [nursery.child('a'), nursery.child('b')] },
        nursery.child('c', { restart: 'transient' }),
      ],
    })
    await nursery.crash('a', new Error('of age'))
    expect(supervisor.inspect()).toEqual({
      strategy: 'one_for_one',
      children: [
        {
          id: 'below',
          state: 'running',
          restart: 'permanent',
          restarts: 0,
          strategy: 'rest_for_one',
          children: [
            { id: 'a', state: 'running', restart: 'permanent', restarts: 1, lastError: 'of age' },
            { id: 'b', state: 'running', restart: 'permanent', restarts: 1 },
          ],
        },
        { id: 'c', state: 'running', restart: 'transient', restarts: 0 },
      ],
    })
  })
})

/** Whether what is up at any time is what the order of starts and stops allows. */
function assertOrder(log: readonly string[], order: readonly string[], strategy: Strategy): void {
  const up = new Set<string>()
  for (const line of log) {
    const [id = '', what] = line.split(' ')
    if (what === 'up') {
      expect(up, `${id} lives twice in ${log.join(', ')}`).not.toContain(id)
      up.add(id)
    } else if (what === 'down') up.delete(id)
    if (strategy === 'one_for_one') continue
    // Whoever is up has all those before it up, but for those that ended of themselves: there are none here.
    const highest = order.findLastIndex((each) => up.has(each))
    if (what === 'up') expect([...up].sort()).toEqual(order.slice(0, highest + 1).sort())
  }
}

describe('whatever crashes and whenever', () => {
  const order = ['a', 'b', 'c', 'd']
  const deed = fc.record({
    id: fc.constantFrom(...order),
    how: fc.constantFrom('crash', 'finish', 'fail-start'),
    // Some crashes come while others are dealt with.
    waits: fc.boolean(),
  })

  it.each(['one_for_one', 'rest_for_one', 'one_for_all'] as const)(
    'under %s each child lives once at a time, after those before it, and in the end all live or the supervisor gave up',
    async (strategy) => {
      await fc.assert(
        fc.asyncProperty(fc.array(deed, { maxLength: 12 }), fc.integer({ min: 0, max: 12 }), async (deeds, intensity) => {
          const nursery = new Nursery()
          const supervisor = nursery.supervisor({ strategy, intensity, children: order.map((id) => nursery.child(id)) })
          await supervisor.start()
          for (const { id, how, waits } of deeds) {
            const life = nursery.lifeOf(id)
            if (how === 'fail-start') nursery.failStarts(id, new Error('start'))
            if (how === 'finish') life.exit()
            else life.exit(new Error(how))
            if (waits) await settled()
          }
          await settled()
          const restarts = deeds.length
          const isUp = Object.values(states(supervisor)).every((state) => state === 'running')
          expect(isUp).toBe(nursery.failures.length === 0)
          // Each deed costs two restarts at most: its own, and the start it makes fail.
          if (intensity >= restarts * 2) expect(isUp).toBe(true)
          await supervisor.stop()
          const log = nursery.log()
          assertOrder(log, order, strategy)
          expect(nursery.clock.pending).toBe(0)
          expect(log.filter((line) => line.endsWith('up')).length).toBeLessThanOrEqual(
            log.filter((line) => line.endsWith('down')).length,
          )
        }),
        { seed: 20_261_122, numRuns: 150 },
      )
    },
  )
})
