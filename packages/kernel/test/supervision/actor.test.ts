import { describe, expect, it } from 'vitest'
import { Actor, type ActorInit, BusyError, InvalidArgumentError, StoppedError, type Supervisor } from '../../src/index.ts'
import { settled } from '../support/hand-clock.ts'
import { Nursery } from '../support/nursery.ts'

type Told = string

/** An actor whose handler ends when told to. */
class Bench {
  readonly nursery = new Nursery()
  readonly handled: string[] = []
  readonly actor: Actor<Told, number>
  gate: PromiseWithResolvers<void> | undefined
  lives = 0

  constructor(init: Partial<ActorInit<Told, number>> = {}) {
    this.actor = new Actor<Told, number>({
      name: 'system3',
      mailboxMax: 3,
      whenFull: 'refuse',
      behave: ({ checkpoint = 0, save }) => {
        this.lives++
        let count = checkpoint
        return {
          handle: async (message) => {
            if (message === 'bad') throw new Error('a bad message')
            await this.gate?.promise
            this.handled.push(message)
            save(++count)
            if (message === 'count?') this.handled.push(`${count}`)
          },
        }
      },
      ...init,
    })
  }

  start(): Promise<Supervisor> {
    return this.nursery.started({ children: [this.actor.spec()], intensity: 2 })
  }

  hold(): () => Promise<void> {
    const gate = Promise.withResolvers<void>()
    this.gate = gate
    return async () => {
      this.gate = undefined
      gate.resolve()
      await settled()
    }
  }
}

describe('an actor', () => {
  it('takes its messages one at a time, in order, never in the turn of the sender', async () => {
    const bench = new Bench()
    await bench.start()
    const release = bench.hold()
    bench.actor.tell('one')
    bench.actor.tell('two')
    expect(bench.handled).toEqual([])
    await settled()
    expect(bench.actor.mailbox.length).toBe(1)
    await release()
    expect(bench.handled).toEqual(['one', 'two'])
  })

  it('takes what was told to it in the very turn in which it ran out of messages', async () => {
    const bench = new Bench()
    await bench.start()
    for (let round = 0; round < 20; round++) {
      bench.actor.tell(`first ${round}`)
      for (let turn = 0; turn < round; turn++) await Promise.resolve()
      bench.actor.tell(`second ${round}`)
      await settled()
      expect(bench.handled.splice(0)).toEqual([`first ${round}`, `second ${round}`])
    }
  })

  it('takes urgent messages before all that wait', async () => {
    const bench = new Bench()
    await bench.start()
    const release = bench.hold()
    for (const message of ['in hand', 'waits', 'waits too']) bench.actor.tell(message)
    await settled()
    bench.actor.tellUrgent('pain')
    bench.actor.tellUrgent('more pain')
    await release()
    expect(bench.handled).toEqual(['in hand', 'pain', 'more pain', 'waits', 'waits too'])
  })

  it('takes no messages before it is started and after it has stopped', async () => {
    const bench = new Bench()
    expect(() => bench.actor.tell('early')).toThrow(StoppedError)
    const supervisor = await bench.start()
    await supervisor.stop()
    expect(() => bench.actor.tell('late')).toThrow(StoppedError)
  })

  it('ends the message in hand before it stops', async () => {
    const bench = new Bench()
    const supervisor = await bench.start()
    const release = bench.hold()
    bench.actor.tell('in hand')
    bench.actor.tell('never')
    await settled()
    const stopping = supervisor.stop().then(() => bench.handled.push('stopped'))
    await settled()
    await release()
    await stopping
    expect(bench.handled).toEqual(['in hand', 'stopped'])
  })
})

describe('a full mailbox', () => {
  it('refuses the sender, and counts it, where that is declared', async () => {
    const bench = new Bench()
    await bench.start()
    for (const message of ['1', '2', '3']) bench.actor.tell(message)
    expect(() => bench.actor.tell('4')).toThrow(BusyError)
    expect(bench.actor.mailbox).toEqual({ length: 3, lengthMax: 3, refused: 1, dropped: 0 })
    await settled()
    expect(bench.handled).toEqual(['1', '2', '3'])
  })

  it('forgets the oldest, and counts it, where that is declared', async () => {
    const bench = new Bench({ whenFull: 'drop-oldest' })
    await bench.start()
    for (const message of ['1', '2', '3', '4', '5']) bench.actor.tell(message)
    expect(bench.actor.mailbox).toEqual({ length: 3, lengthMax: 3, refused: 0, dropped: 2 })
    await settled()
    expect(bench.handled).toEqual(['3', '4', '5'])
  })

  it('of ordinary messages keeps no urgent one out; too many urgent ones are refused, none of them forgotten', async () => {
    const bench = new Bench({ whenFull: 'drop-oldest' })
    await bench.start()
    for (const message of ['1', '2', '3']) bench.actor.tell(message)
    for (const message of ['a', 'b', 'c']) bench.actor.tellUrgent(message)
    expect(() => bench.actor.tellUrgent('d')).toThrow(BusyError)
    await settled()
    expect(bench.handled).toEqual(['a', 'b', 'c', '1', '2', '3'])
  })

  it('is one of at least one message', () => {
    expect(() => new Bench({ mailboxMax: 0 })).toThrow(InvalidArgumentError)
  })

  it('holds no more than its bound however many were told and taken', async () => {
    const bench = new Bench({ whenFull: 'drop-oldest', mailboxMax: 1_000 })
    await bench.start()
    for (let round = 0; round < 10; round++) {
      for (let at = 0; at < 3_000; at++) bench.actor.tell(`${round} ${at}`)
      await settled()
      expect(bench.handled.splice(0)).toHaveLength(1_000)
    }
    expect(bench.actor.mailbox).toMatchObject({ length: 0, dropped: 20_000 })
  })
})

describe('a handler that throws', () => {
  it('is the crash of its actor: a new behaviour goes on from the checkpoint, at the same address', async () => {
    const bench = new Bench()
    await bench.start()
    for (const message of ['one', 'two']) bench.actor.tell(message)
    await settled()
    bench.actor.tell('bad')
    await settled()
    expect(bench.nursery.events).toMatchObject([
      { type: 'crashed', path: ['root', 'system3'], error: { message: 'a bad message' } },
      { type: 'restarted' },
    ])
    bench.actor.tell('count?')
    await settled()
    expect(bench.handled).toEqual(['one', 'two', 'count?', '3'])
    expect(bench.lives).toBe(2)
  })

  it('lets nobody believe that a message was taken until the next life stands', async () => {
    const bench = new Bench()
    const refused: unknown[] = []
    bench.nursery.onEvent = ({ type }) => {
      if (type !== 'crashed') return
      try {
        bench.actor.tell('too early')
      } catch (error) {
        refused.push(error)
      }
    }
    await bench.start()
    bench.actor.tell('bad')
    await settled()
    expect(refused).toEqual([expect.any(StoppedError)])
  })

  it('takes the messages that waited along, counted; a poisonous one is not given again', async () => {
    const bench = new Bench()
    await bench.start()
    for (const message of ['bad', 'lost', 'lost too']) bench.actor.tell(message)
    await settled()
    expect(bench.handled).toEqual([])
    expect(bench.actor.mailbox).toMatchObject({ length: 0, dropped: 2 })
  })

  it('too often makes the supervisor give up, and nobody is told that a message was taken', async () => {
    const bench = new Bench()
    await bench.start()
    for (let round = 0; round < 3; round++) {
      bench.actor.tell('bad')
      await settled()
    }
    expect(bench.nursery.failures).toHaveLength(1)
    expect(() => bench.actor.tell('anything')).toThrow(StoppedError)
  })
})

describe('a handler that never ends', () => {
  it('is abandoned at the deadline of the stop; the next life is not troubled by it', async () => {
    const bench = new Bench()
    const supervisor = await bench.start()
    bench.hold()
    bench.actor.tell('hangs')
    await settled()
    const stopped = supervisor.terminateChild('system3')
    await bench.nursery.clock.pass(1_000)
    await stopped
    bench.gate = undefined
    await supervisor.restartChild('system3')
    bench.actor.tell('goes on')
    await settled()
    expect(bench.handled).toEqual(['goes on'])
    expect(supervisor.inspect().children[0]).toMatchObject({ state: 'running', mailbox: { length: 0, lengthMax: 3 } })
  })
})
