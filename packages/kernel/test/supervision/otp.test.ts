import { describe, expect, it } from 'vitest'
import { InvalidArgumentError, type RestartType, type Strategy, SupervisorFailedError, TimeoutError } from '../../src/index.ts'
import { settled } from '../support/hand-clock.ts'
import { Nursery, states } from '../support/nursery.ts'

const never = (): Promise<void> => new Promise(() => {})

const three = (nursery: Nursery, restart: RestartType = 'permanent') =>
  ['a', 'b', 'c'].map((id) => nursery.child(id, { restart }))

/** What OTP's manual says of `supervisor`, rule by rule. docs/supervision.md has the same table. */
describe('restart strategies', () => {
  const after = async (strategy: Strategy): Promise<string[]> => {
    const nursery = new Nursery()
    await nursery.started({ strategy, children: three(nursery) })
    await nursery.crash('b')
    return nursery.log()
  }

  it('one_for_one: only the child that ended is restarted', async () => {
    expect(await after('one_for_one')).toEqual(['b down', 'b up'])
  })

  it('rest_for_one: the children started after it are terminated, then it and they are restarted; those before go on', async () => {
    expect(await after('rest_for_one')).toEqual(['c down', 'b down', 'b up', 'c up'])
  })

  it('one_for_all: all other children are terminated, then all are restarted', async () => {
    expect(await after('one_for_all')).toEqual(['c down', 'b down', 'a down', 'a up', 'b up', 'c up'])
  })

  it('the strategy is one_for_one when none is named', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({ children: three(nursery) })
    expect(supervisor.inspect().strategy).toBe('one_for_one')
    await nursery.crash('a')
    expect(nursery.log()).toEqual(['a down', 'a up'])
  })
})

describe('restart types', () => {
  it('a permanent child is always restarted, also when it ended by itself without an error', async () => {
    const nursery = new Nursery()
    await nursery.started({ children: three(nursery), intensity: 2 })
    await nursery.finish('a')
    await nursery.crash('a')
    expect(nursery.log()).toEqual(['a down', 'a up', 'a down', 'a up'])
  })

  it('a child is permanent when nothing is said', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({ children: [nursery.child('a')] })
    expect(supervisor.inspect().children[0]?.restart).toBe('permanent')
  })

  it('a transient child is restarted only when it crashed; else its place is kept', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({ children: three(nursery, 'transient') })
    await nursery.crash('a')
    expect(nursery.log()).toEqual(['a down', 'a up'])
    await nursery.finish('a')
    expect(nursery.log()).toEqual(['a down'])
    expect(states(supervisor)).toEqual({ a: 'ended', b: 'running', c: 'running' })
  })

  it('a temporary child is never restarted, and forgotten when it ends, however it does', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({ children: three(nursery, 'temporary') })
    await nursery.crash('a')
    await nursery.finish('b')
    expect(nursery.log()).toEqual(['a down', 'b down'])
    expect(states(supervisor)).toEqual({ c: 'running' })
  })

  it.each(['rest_for_one', 'one_for_all'] as const)(
    'a temporary child is not restarted either when a sibling under %s took it along',
    async (strategy) => {
      const nursery = new Nursery()
      const children = [nursery.child('a'), nursery.child('b', { restart: 'temporary' }), nursery.child('c')]
      const supervisor = await nursery.started({ strategy, children })
      await nursery.crash('a')
      expect(nursery.log()).toEqual(['c down', 'b down', 'a down', 'a up', 'c up'])
      expect(states(supervisor)).toEqual({ a: 'running', c: 'running' })
    },
  )

  it('a transient child that had ended is started again when all are', async () => {
    const nursery = new Nursery()
    const children = [nursery.child('a', { restart: 'transient' }), nursery.child('b')]
    await nursery.started({ strategy: 'one_for_all', children })
    await nursery.finish('a')
    nursery.log()
    await nursery.crash('b')
    expect(nursery.log()).toEqual(['b down', 'a up', 'b up'])
  })
})

describe('restart intensity', () => {
  it('more restarts than allowed within the period: all children are terminated, then the supervisor', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({ children: three(nursery), intensity: 3, periodMs: 10_000 })
    for (const id of ['a', 'b', 'a']) await nursery.crash(id)
    expect(nursery.log().filter((line) => line.endsWith('up'))).toEqual(['a up', 'b up', 'a up'])
    await nursery.crash('c', new Error('the last straw'))
    expect(nursery.log()).toEqual(['c down', 'b down', 'a down', 'root failed'])
    expect(states(supervisor)).toEqual({ a: 'ended', b: 'ended', c: 'ended' })
    expect(nursery.failures[0]).toBeInstanceOf(SupervisorFailedError)
    expect(nursery.failures[0]?.message).toBe(
      'supervisor root gave up restarting c once more (it allows 3 restarts within 10000 ms): the last straw',
    )
  })

  it('restarts longer ago than the period do not count', async () => {
    const nursery = new Nursery()
    await nursery.started({ children: three(nursery), intensity: 1, periodMs: 1_000 })
    for (let round = 0; round < 20; round++) {
      await nursery.crash('a')
      await nursery.clock.pass(1_001)
    }
    expect(nursery.failures).toEqual([])
    await nursery.crash('a')
    await nursery.clock.pass(1_000)
    await nursery.crash('a')
    expect(nursery.failures).toHaveLength(1)
  })

  it('one restart within 5 seconds is allowed when nothing is said', async () => {
    const nursery = new Nursery()
    await nursery.started({ children: three(nursery) })
    await nursery.crash('a')
    await nursery.clock.pass(5_000)
    await nursery.crash('b')
    expect(nursery.failures).toHaveLength(1)
  })

  it('an intensity of 0 allows none', async () => {
    const nursery = new Nursery()
    await nursery.started({ children: three(nursery), intensity: 0 })
    await nursery.crash('b')
    expect(nursery.log()).toEqual(['c down', 'b down', 'a down', 'root failed'])
  })

  it('one crash counts once, however many children it concerns', async () => {
    const nursery = new Nursery()
    await nursery.started({ strategy: 'one_for_all', children: three(nursery), intensity: 2 })
    await nursery.crash('a')
    await nursery.crash('b')
    expect(nursery.failures).toEqual([])
  })

  it('a restart that fails counts, and is tried again until too many did', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({ children: three(nursery), intensity: 3 })
    nursery.failStarts('b', new Error('not yet'), new Error('not yet'))
    await nursery.crash('b')
    expect(nursery.log()).toEqual(['b down', 'b fails', 'b down', 'b fails', 'b down', 'b up'])
    expect(states(supervisor)).toEqual({ a: 'running', b: 'running', c: 'running' })
    nursery.failStarts('b', new Error('never'))
    await nursery.crash('b')
    expect(nursery.failures).toHaveLength(1)
  })

  it('a failed restart under rest_for_one goes on from the child that failed, under one_for_all with all', async () => {
    for (const [strategy, again] of [
      ['rest_for_one', ['b fails', 'b down', 'b up', 'c up']],
      ['one_for_all', ['b fails', 'b down', 'a down', 'a up', 'b up', 'c up']],
    ] as const) {
      const nursery = new Nursery()
      await nursery.started({ strategy, children: three(nursery), intensity: 2 })
      nursery.failStarts('b', new Error('not yet'))
      await nursery.crash('a')
      expect(nursery.log()).toEqual(['c down', 'b down', 'a down', 'a up', ...again])
    }
  })
})

describe('starting', () => {
  it('children start in the order of their list, each when the one before stands', async () => {
    const nursery = new Nursery()
    await nursery.supervisor({ children: three(nursery) }).start()
    expect(nursery.log()).toEqual(['a up', 'b up', 'c up'])
  })

  it('when one does not start, those that stand are terminated in reverse, and the start fails with its reason', async () => {
    const nursery = new Nursery()
    nursery.failStarts('c', new Error('the port is taken'))
    const supervisor = nursery.supervisor({ children: three(nursery), intensity: 9 })
    await expect(supervisor.start()).rejects.toThrow('the port is taken')
    expect(nursery.log()).toEqual(['a up', 'b up', 'c fails', 'c down', 'b down', 'a down'])
    expect(nursery.failures).toEqual([])
  })

  it('a child that says there is nothing to run keeps its place, and hinders nobody', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({
      strategy: 'one_for_all',
      children: [{ id: 'nothing', child: () => undefined }, nursery.child('a')],
    })
    await nursery.crash('a')
    expect(nursery.log()).toEqual(['a down', 'a up'])
    expect(states(supervisor)).toEqual({ nothing: 'absent', a: 'running' })
  })

  it('two children of one id are refused', () => {
    const nursery = new Nursery()
    expect(() => nursery.supervisor({ children: [nursery.child('a'), nursery.child('a')] })).toThrow(InvalidArgumentError)
  })
})

describe('shutting down', () => {
  it('children are terminated in reverse order of their start', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({ children: three(nursery) })
    await supervisor.stop()
    expect(nursery.log()).toEqual(['c down', 'b down', 'a down'])
  })

  it('a child that is not down at its deadline is given up, which is said, and the others follow', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({
      children: [nursery.child('a'), nursery.child('b', { stop: never, stopDeadlineMs: 200 }), nursery.child('c')],
    })
    const stopping = supervisor.stop()
    const failure = expect(stopping).rejects.toMatchObject({ errors: [expect.any(TimeoutError)] })
    await nursery.clock.pass(199)
    expect(nursery.log()).toEqual(['c down', 'b down'])
    await nursery.clock.pass(1)
    await failure
    expect(nursery.log()).toEqual(['a down'])
    expect(nursery.events.at(-1)).toMatchObject({
      type: 'abandoned',
      path: ['root', 'b'],
      error: { message: 'stopping b took longer than 200 ms' },
    })
  })

  it('a supervisor is given all the time that what is below it takes', async () => {
    const nursery = new Nursery()
    const slow = Promise.withResolvers<void>()
    const supervisor = await nursery.started({
      children: [
        { id: 'below', children: [nursery.child('a', { stop: () => slow.promise, stopDeadlineMs: 60_000 })] },
        nursery.child('b'),
      ],
    })
    const stopping = supervisor.stop()
    await nursery.clock.pass(50_000)
    slow.resolve()
    await stopping
    expect(nursery.log()).toEqual(['b down', 'a down'])
  })

  it('a child that is told to stop is not restarted, whatever it says while it does', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({
      children: [nursery.child('a', { stop: async () => nursery.lifeOf('a').exit(new Error('while stopping')) })],
    })
    await supervisor.stop()
    expect(nursery.log()).toEqual(['a down'])
    expect(nursery.events).toEqual([])
  })

  it('an error of one that stops is reported, and the rest is stopped all the same', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({
      children: [nursery.child('a'), nursery.child('b', { stop: () => Promise.reject(new Error('b will not')) })],
    })
    await expect(supervisor.stop()).rejects.toThrow(AggregateError)
    expect(nursery.log()).toEqual(['b down', 'a down'])
    expect(nursery.events).toMatchObject([{ type: 'stop-failed', path: ['root', 'b'] }])
  })
})

describe('children that come and go', () => {
  it('start_child: one more is started after the others; an id that is taken is refused, a failed start leaves nothing', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({ children: [nursery.child('a')] })
    await supervisor.startChild(nursery.child('b'))
    await expect(supervisor.startChild(nursery.child('b'))).rejects.toThrow(InvalidArgumentError)
    nursery.failStarts('c', new Error('no'))
    await expect(supervisor.startChild(nursery.child('c'))).rejects.toThrow('no')
    expect(states(supervisor)).toEqual({ a: 'running', b: 'running' })
    await supervisor.stop()
    expect(nursery.log()).toEqual(['b up', 'c fails', 'c down', 'b down', 'a down'])
  })

  it('terminate_child: it stops and keeps its place, unless it is temporary', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({ children: [nursery.child('a'), nursery.child('b', { restart: 'temporary' })] })
    await supervisor.terminateChild('a')
    await supervisor.terminateChild('a')
    await supervisor.terminateChild('b')
    expect(states(supervisor)).toEqual({ a: 'ended' })
    await expect(supervisor.terminateChild('b')).rejects.toThrow('supervisor root has no child b')
  })

  it('restart_child: one that was terminated starts again; one that runs is refused', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({ children: three(nursery) })
    await supervisor.terminateChild('b')
    await supervisor.restartChild('b')
    expect(nursery.log()).toEqual(['b down', 'b up'])
    await expect(supervisor.restartChild('b')).rejects.toThrow('child b is running')
  })

  it('delete_child: one that does not run is forgotten; one that runs is refused', async () => {
    const nursery = new Nursery()
    const supervisor = await nursery.started({ children: three(nursery) })
    await expect(supervisor.deleteChild('b')).rejects.toThrow('child b is running')
    await supervisor.terminateChild('b')
    await supervisor.deleteChild('b')
    expect(Object.keys(states(supervisor))).toEqual(['a', 'c'])
  })
})

describe('a tree', () => {
  it('a supervisor that gave up is restarted by its own, with all its children', async () => {
    const nursery = new Nursery()
    await nursery.started({
      children: [nursery.child('a'), { id: 'below', intensity: 0, children: [nursery.child('b'), nursery.child('c')] }],
    })
    await nursery.crash('b')
    expect(nursery.log()).toEqual(['c down', 'b down', 'b up', 'c up'])
    expect(nursery.events.map(({ type, path }) => `${path.join('/')} ${type}`)).toEqual([
      'root/below/b crashed',
      'root/below gave-up',
      'root/below crashed',
      'root/below restarted',
    ])
  })

  it('what does not heal goes up, level by level, until the root gives up', async () => {
    const nursery = new Nursery()
    await nursery.started({
      intensity: 1,
      children: [
        nursery.child('a'),
        { id: 'below', intensity: 1, children: [{ id: 'deeper', intensity: 1, children: [nursery.child('b')] }] },
      ],
    })
    let crashes = 0
    while (nursery.failures.length === 0) {
      await nursery.crash('b')
      crashes++
      if (crashes > 20) break
    }
    // Each level allows one restart of what is below it.
    expect(crashes).toBe(8)
    expect(nursery.log().slice(-2)).toEqual(['a down', 'root failed'])
    await settled()
    expect(nursery.clock.pending).toBe(0)
  })
})
