import { type Clock, Emitter, silentLogger, type SupervisionEvent, Supervisor, systemClock } from '@vsmcp/kernel'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Scope } from '../src/tree/scope.ts'

/** A clock whose timers run when the test says so. */
class Timers implements Clock {
  readonly #due = new Set<{ fn: () => void; isPeriodic: boolean }>()

  wallMs(): number {
    return systemClock.wallMs()
  }

  monotonicMs(): number {
    return systemClock.monotonicMs()
  }

  after(_delayMs: number, fn: () => void): { cancel(): void } {
    return this.#add(fn, false)
  }

  every(_periodMs: number, fn: () => void): { cancel(): void } {
    return this.#add(fn, true)
  }

  fire(): void {
    for (const entry of this.#due) {
      if (!entry.isPeriodic) this.#due.delete(entry)
      entry.fn()
    }
  }

  #add(fn: () => void, isPeriodic: boolean): { cancel(): void } {
    const entry = { fn, isPeriodic }
    this.#due.add(entry)
    return { cancel: () => this.#due.delete(entry) }
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function stage(mailboxMax?: number): { scope: Scope; timers: Timers; events: SupervisionEvent[]; run: Run } {
  const timers = new Timers()
  const scope = new Scope('part', mailboxMax === undefined ? {} : { mailboxMax }, { clock: timers, logger: silentLogger })
  const events: SupervisionEvent[] = []
  const run: Run = async (start, isOnce = false) => {
    const part = { start: async () => start(), stop: async () => {} }
    const child = isOnce ? scope.onlyOnce(part) : scope.child(part)
    const tree = new Supervisor(
      { id: 'root', intensity: 3, children: [child] },
      { clock: systemClock, onEvent: (event) => events.push(event) },
    )
    await tree.start()
    onTestFinished(() => tree.stop())
    return tree
  }
  return { scope, timers, events, run }
}

type Run = (start: () => void, isOnce?: boolean) => Promise<Supervisor>

const typesOf = (events: readonly SupervisionEvent[]): string[] => events.map(({ type }) => type)

describe('a part', () => {
  it.each([undefined, 10])('crashes by what its timer throws, and is started again (mailbox of %s)', async (mailboxMax) => {
    const { scope, timers, events, run } = stage(mailboxMax)
    let lives = 0
    await run(() => {
      const life = ++lives
      scope.clock.after(1, () => {
        if (life === 1) throw new Error('on the timer')
      })
    })
    timers.fire()
    await settled()
    expect(typesOf(events)).toEqual(['crashed', 'restarted'])
    expect(events[0]?.error).toMatchObject({ message: 'on the timer' })
    timers.fire()
    await settled()
    expect(lives).toBe(2)
  })

  it('is what a promise made in it belongs to, whatever it waited for; what runs beside it is not', async () => {
    const { scope, timers, events, run } = stage()
    const found: (Scope | undefined)[] = []
    await run(() => {
      scope.clock.after(1, () => {
        void (async () => {
          await settled()
          found.push(Scope.current())
          expect(Scope.current()?.crash(new Error('unheard'))).toBe(true)
        })()
      })
    })
    timers.fire()
    await settled()
    await settled()
    expect(found).toEqual([scope])
    expect(Scope.current()).toBeUndefined()
    expect(typesOf(events)).toEqual(['crashed', 'restarted'])
  })

  it('that nobody supervises throws on: it is the process that fails', () => {
    const { scope, timers } = stage()
    scope.clock.after(1, () => {
      throw new Error('nobody looks after it')
    })
    expect(() => timers.fire()).toThrow('nobody looks after it')
    expect(scope.crash(new Error('again'))).toBe(false)
  })

  it('whose life is over troubles nobody', async () => {
    const { scope, timers, events, run } = stage()
    const tree = await run(() => {})
    scope.clock.after(1, () => {
      throw new Error('late')
    })
    await tree.terminateChild('part')
    timers.fire()
    await settled()
    expect(events).toEqual([])
  })

  it('that lives only once takes its supervisor along, which names the cause', async () => {
    const { scope, events, run } = stage()
    await run(() => {}, true)
    scope.crash(new Error('the socket broke'))
    await settled()
    expect(typesOf(events)).toEqual(['crashed', 'start-failed', 'start-failed', 'start-failed', 'gave-up'])
    expect(events.at(-1)?.error).toMatchObject({ message: expect.stringContaining('the socket broke') as string })
  })
})

describe('a part that is an actor', () => {
  it('hears events one at a time, urgent ones first, and crashes by what its listener throws', async () => {
    const { scope, events, run } = stage(10)
    const source = new Emitter<{ news: string }>(() => expect.unreachable('the source is not concerned'))
    const heard: string[] = []
    await run(() => {
      scope.hears(source).on('news', (news) => {
        if (news === 'bad') throw new Error('bad news')
        heard.push(news)
      })
      scope.hears(source, { isUrgent: true }).on('news', (news) => heard.push(`${news}!`))
    })
    source.emit('news', 'one')
    source.emit('news', 'two')
    expect(heard).toEqual([])
    await settled()
    expect(heard).toEqual(['one!', 'two!', 'one', 'two'])
    source.emit('news', 'bad')
    await settled()
    expect(typesOf(events)).toEqual(['crashed', 'restarted'])
  })

  it('takes no more than its mailbox holds: what comes beyond is refused and counted, and its tick comes all the same', async () => {
    const { scope, timers, run } = stage(10)
    const source = new Emitter<{ news: number }>(() => expect.unreachable('the source is not concerned'))
    const heard: (number | 'tick' | 'pain')[] = []
    const tree = await run(() => {
      scope.hears(source).on('news', (news) => heard.push(news))
      scope.clock.every(1, () => heard.push('tick'))
    })
    timers.fire()
    for (let news = 1; news <= 25; news++) source.emit('news', news)
    expect(scope.deliverUrgent(() => void heard.push('pain'))).toBe(true)
    expect(scope.deliver(() => {})).toBe(false)
    await settled()
    expect(heard).toEqual(['pain', 'tick', 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(tree.inspect().children?.[0]?.mailbox).toEqual({ length: 0, lengthMax: 10, refused: 17, dropped: 0 })
    source.emit('news', 26)
    await settled()
    expect(heard.at(-1)).toBe(26)
  })

  it('that is asked something answers at once, and what it throws is its crash and not that of who asks', async () => {
    const { scope, events, run } = stage(10)
    await run(() => {})
    expect(scope.asked(() => 7)).toBe(7)
    const fault = (): number => {
      throw new Error('asked too much')
    }
    expect(scope.asked(fault)).toBeUndefined()
    await settled()
    expect(typesOf(events)).toEqual(['crashed', 'restarted'])
    const { scope: unsupervised } = stage(10)
    expect(() => unsupervised.asked(fault)).toThrow('asked too much')
  })

  it('hears of a tick once, however late it is, and not of one that it cancelled meanwhile', async () => {
    const { scope, timers, run } = stage(10)
    const heard: string[] = []
    await run(() => {
      const timer = scope.clock.every(1, () => heard.push('tick'))
      scope.clock.after(1, () => {
        heard.push('cancels')
        timer.cancel()
      })
    })
    timers.fire()
    timers.fire()
    await settled()
    expect(heard).toEqual(['tick', 'cancels'])
    scope.deliver(() => void heard.push('ordinary'))
    timers.fire()
    await settled()
    expect(heard).toEqual(['tick', 'cancels', 'ordinary'])
  })

  it('takes no more than its mailbox holds, and says so', async () => {
    const { scope, run } = stage(2)
    expect(scope.deliver(() => {})).toBe(false)
    const tree = await run(() => {})
    expect([1, 2, 3].map(() => scope.deliver(() => {}))).toEqual([true, true, false])
    expect(scope.deliverUrgent(() => {})).toBe(true)
    expect(tree.inspect().children[0]?.mailbox).toEqual({ length: 3, lengthMax: 2, refused: 1, dropped: 0 })
  })
})
