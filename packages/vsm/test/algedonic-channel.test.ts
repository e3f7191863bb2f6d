import { seededRandom } from '@vsmcp/kernel'
import { describe, expect, test } from 'vitest'
import {
  AlgedonicChannel,
  type AlgedonicEffect,
  DEFAULT_TERMS,
  type Felt,
  type HeldAlert,
  organ,
  type Signal,
} from '../src/index.ts'
import { BURST_MAX, CALM_MS, HELD_MAX, OVER_MAX, REFILL_MS, RETELL_MS, RETRY_MS, UNFELT_MS } from '../src/algedonic/constants.ts'

const START = 1_800_000_000_000

const signal = (change: Partial<Signal> = {}): Signal => ({
  feeling: 'pain',
  severity: 'high',
  source: organ('system1', 'files'),
  subject: 'unit files failed',
  text: 'exit code 1',
  ...change,
})

/** A channel and its clock; effects are kept as words. */
class Bench {
  nowMs = START
  readonly channel: AlgedonicChannel
  readonly kept = new Map<string, HeldAlert>()
  said: string[] = []
  readonly notes: Signal[] = []

  constructor(held: readonly HeldAlert[] = [], seed = 1) {
    const random = seededRandom(seed)
    this.channel = new AlgedonicChannel({ held, nowMs: START }, { random, terms: () => DEFAULT_TERMS })
  }

  feel(change: Partial<Signal> = {}): Felt {
    const felt = this.channel.feel(signal(change), this.nowMs)
    this.take(felt.effects)
    return felt
  }

  remedy(change: Partial<Signal> = {}, reason = 'well again'): void {
    this.take(this.channel.remedy(signal(change), reason, this.nowMs))
  }

  relieve(change: Partial<Signal> = {}, reason = 'well again'): void {
    this.take(this.channel.relieve(signal(change), reason, this.nowMs))
  }

  step(type: 'delivered' | 'undelivered' | 'closed' | 'taken' | 'displaced', id: string): void {
    this.take(this.channel.step({ type, id }, this.nowMs))
  }

  /** Time passes, second by second. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 1_000) {
      this.nowMs += Math.min(left, 1_000)
      this.take(this.channel.tick(this.nowMs))
    }
  }

  take(effects: readonly AlgedonicEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'keep') this.kept.set(effect.alert.id, effect.alert)
      else if (effect.type === 'forget') this.kept.delete(effect.id)
      else if (effect.type === 'news') this.said.push(effect.event)
      else this.said.push(effect.type)
      if (effect.type === 'note') this.notes.push(effect.signal)
    }
  }

  /** What was said since it was asked last. */
  since(): string[] {
    return this.said.splice(0)
  }

  get only(): HeldAlert {
    const [alert, ...more] = this.channel.held
    if (alert === undefined || more.length > 0) throw new Error(`${this.channel.held.length} alerts are held`)
    return alert
  }
}

describe('the terms of the levels', () => {
  test('what the node remedies within its term, nobody above hears of', () => {
    const bench = new Bench()
    bench.feel()
    expect(bench.channel.dueMs(bench.only.id)).toBe(START + DEFAULT_TERMS.node.high)
    bench.pass(DEFAULT_TERMS.node.high - 1)
    bench.remedy()
    bench.pass(60_000)
    expect(bench.since()).toEqual(['raised', 'over'])
    expect(bench.channel.over).toMatchObject([{ reason: 'well again', level: 'node' }])
    expect(bench.kept.size).toBe(0)
  })

  test.for(['low', 'high'] as const)('what is %s and not remedied in time climbs to the group, once', (severity) => {
    const bench = new Bench()
    bench.feel({ severity })
    bench.pass(DEFAULT_TERMS.node[severity] - 1)
    expect(bench.since()).toEqual(['raised'])
    bench.pass(1)
    expect(bench.since()).toEqual(['deliver', 'climbed'])
    expect(bench.kept.get(bench.only.id)?.level).toBe('group')
    bench.pass(60_000)
    expect(bench.since()).toEqual([])
  })

  test('what is critical goes to System 5 in the same step, and so does what becomes critical', () => {
    const bench = new Bench()
    bench.feel({ severity: 'critical' })
    expect(bench.since()).toEqual(['raised', 'deliver', 'climbed'])
    bench.feel({ subject: 'other', severity: 'low' })
    expect(bench.since()).toEqual(['raised'])
    bench.feel({ subject: 'other', severity: 'critical' })
    expect(bench.since()).toEqual(['repeated', 'deliver', 'climbed'])
  })

  test('a clock that goes back an hour takes the term with it', () => {
    const bench = new Bench()
    bench.feel()
    bench.nowMs -= 3_600_000
    bench.pass(DEFAULT_TERMS.node.high + 1_000)
    expect(bench.since()).toEqual(['raised', 'deliver', 'climbed'])
  })
})

describe('one pain is one alert', () => {
  test('felt a thousand times: counted, one delivery, and told again no oftener than its period', () => {
    const bench = new Bench()
    const first = bench.feel({ severity: 'critical' })
    for (let i = 1; i < 1_000; i++) expect(bench.feel({ severity: 'critical' })).toMatchObject({ outcome: 'repeated' })
    expect(bench.since()).toEqual(['raised', 'deliver', 'climbed'])
    expect(bench.only).toMatchObject({ count: 1_000, onsetMs: START })
    bench.step('delivered', first.outcome === 'raised' ? first.id : '')
    for (let s = 0; s < RETELL_MS / 1_000 - 1; s++) {
      bench.feel({ severity: 'critical' })
      bench.pass(1_000)
    }
    expect(bench.since()).toEqual([])
    bench.feel({ severity: 'critical' })
    bench.pass(1_000)
    expect(bench.since()).toEqual(['deliver'])
  })

  test('of another unit, system or origin it is another', () => {
    const bench = new Bench()
    bench.feel()
    bench.feel({ source: organ('system1', 'other') })
    bench.feel({ source: organ('system3', 'files') })
    bench.feel({ source: { system: 'system1', origin: 'client', unit: 'files' } })
    expect(bench.channel.held).toHaveLength(4)
  })

  test('what would move a cursor, or is too long, is made plain', () => {
    const bench = new Bench()
    bench.feel({ subject: `\u001b[2J\nx${'é'.repeat(400)}`, text: '\u0000' })
    expect(bench.only.subject).toMatch(/^\[2J xé+…$/)
    expect(bench.only.subject).toHaveLength(160)
    expect(bench.only.text).toBe('')
  })
})

describe('delivery', () => {
  test('is tried again, ever more rarely, until System 5 has it; with a System 5 again at once', () => {
    const bench = new Bench()
    bench.feel({ severity: 'critical' })
    const { id } = bench.only
    bench.since()
    let tries = 0
    for (let s = 0; s < 600; s++) {
      bench.pass(1_000)
      tries += bench.since().length
      bench.step('undelivered', id)
    }
    expect(tries).toBeGreaterThan(10)
    expect(tries).toBeLessThan(40)
    bench.take(bench.channel.urge(bench.nowMs))
    expect(bench.since()).toEqual(['deliver'])
    bench.step('delivered', id)
    bench.take(bench.channel.urge(bench.nowMs))
    bench.pass(60_000)
    expect(bench.since()).toEqual([])
  })

  test('one that may have arrived and is remedied meanwhile is resolved there; one that never left is not', () => {
    const bench = new Bench()
    bench.feel({ severity: 'critical' })
    const { id } = bench.only
    bench.since()
    bench.remedy()
    expect(bench.since()).toEqual([])
    bench.step('undelivered', id)
    bench.pass(RETRY_MS * 4)
    expect(bench.since()).toEqual(['resolve'])
    bench.step('closed', id)
    expect(bench.since()).toEqual(['over'])
    expect(bench.kept.size).toBe(0)
  })

  test('remedied and felt again before System 5 has heard the first: it stays open', () => {
    const bench = new Bench()
    bench.feel({ severity: 'critical' })
    const { id } = bench.only
    bench.step('delivered', id)
    bench.remedy()
    expect(bench.since()).toEqual(['raised', 'deliver', 'climbed', 'resolve'])
    bench.feel({ severity: 'critical' })
    expect(bench.since()).toEqual(['raised', 'deliver', 'climbed'])
    const next = bench.channel.held.at(-1)?.id ?? ''
    // System 5 has the first yet: the second waits until its end is heard.
    bench.take(bench.channel.step({ type: 'adopted', id: next, as: id }, bench.nowMs))
    bench.step('closed', id)
    bench.pass(2_000)
    expect(bench.since()).toEqual(['over', 'deliver'])
    expect(bench.only.id).not.toBe(id)
  })

  test('an id that is somebody else’s is replaced, and one that System 5 holds for the same pain is taken over', () => {
    const bench = new Bench()
    bench.feel({ severity: 'critical' })
    const { id } = bench.only
    bench.step('taken', id)
    expect(bench.only.id).not.toBe(id)
    bench.take(bench.channel.step({ type: 'adopted', id: bench.only.id, as: 'old' }, bench.nowMs))
    expect(bench.only.id).toBe('old')
    expect([...bench.kept.keys()]).toEqual(['old'])
    bench.step('delivered', 'old')
    bench.remedy()
    expect(bench.since().at(-1)).toBe('resolve')
  })

  test('one that System 5 gave up for a more severe one is offered again later', () => {
    const bench = new Bench()
    bench.feel({ severity: 'critical' })
    const { id } = bench.only
    bench.step('delivered', id)
    bench.step('displaced', id)
    bench.since()
    bench.pass(60_000)
    expect(bench.since()).toEqual(['deliver'])
  })
})

describe('a restart', () => {
  test('loses nothing: what was written down is held, and what had climbed is delivered again', () => {
    const before = new Bench()
    before.feel({ severity: 'critical' })
    before.feel({ subject: 'slow', severity: 'low' })
    const after = new Bench([...before.kept.values()])
    expect(after.channel.held).toEqual(before.channel.held)
    after.pass(1_000)
    expect(after.since()).toEqual(['deliver'])
    after.feel({ severity: 'critical' })
    expect(after.channel.held).toHaveLength(2)
  })

  test('what an organ felt before and does not feel again is over after a while; what a person raised stays', () => {
    const before = new Bench()
    before.feel()
    before.feel({ subject: 'felt again' })
    before.feel({ source: { system: 'system5', origin: 'person' } })
    const after = new Bench([...before.kept.values()])
    for (const alert of after.channel.held) after.step('delivered', alert.id)
    after.feel({ subject: 'felt again' })
    after.pass(UNFELT_MS)
    for (const { id, remedied } of after.channel.held) if (remedied !== undefined) after.step('closed', id)
    expect(after.channel.held.map(({ subject }) => subject)).toEqual(['felt again', 'unit files failed'])
  })

  test('what System 5 holds of this node and its disk lost is held again, and remedied by the same pleasure', () => {
    const bench = new Bench()
    const lost: HeldAlert = { ...signal(), feeling: 'pain', id: 'lost', count: 3, onsetMs: START, lastMs: START, level: 'group' }
    bench.take(bench.channel.recall(lost, START))
    expect(bench.feel()).toMatchObject({ outcome: 'repeated', id: 'lost' })
    bench.remedy()
    expect(bench.since()).toEqual(['resolve'])
  })
})

describe('pleasure', () => {
  test('is noted once, and remedies the pain of its name', () => {
    const bench = new Bench()
    expect(bench.feel({ feeling: 'pleasure', subject: 'record day' }).outcome).toBe('noted')
    expect(bench.since()).toEqual(['note'])
    bench.feel()
    bench.feel({ feeling: 'pleasure' })
    expect(bench.since()).toEqual(['raised', 'over', 'note'])
    expect(bench.channel.held).toEqual([])
  })
})

describe('relief', () => {
  test('from what System 5 has heard of is pleasure, told to it once; from what was the node’s own affair it is none', () => {
    const bench = new Bench()
    bench.feel()
    bench.relieve()
    expect(bench.since()).toEqual(['raised', 'over'])
    const { id } = bench.feel({ severity: 'critical' }) as { id: string }
    bench.step('delivered', id)
    bench.since()
    bench.relieve({}, 'it answers again')
    expect(bench.since()).toEqual(['resolve', 'note'])
    expect(bench.notes).toEqual([
      {
        feeling: 'pleasure',
        severity: 'critical',
        source: organ('system1', 'files'),
        subject: 'well again: unit files failed',
        text: 'it answers again',
      },
    ])
    bench.relieve()
    expect(bench.since()).toEqual([])
  })

  test('of what is not open, or was resolved by a person, is none', () => {
    const bench = new Bench()
    bench.relieve()
    const { id } = bench.feel({ severity: 'critical' }) as { id: string }
    bench.step('delivered', id)
    bench.take(bench.channel.resolve(id, 'seen to', bench.nowMs) ?? [])
    bench.since()
    bench.relieve()
    expect(bench.since()).toEqual([])
  })

  test('of what comes and goes is told no more often than the pain may be, and leaves the pain its share', () => {
    const bench = new Bench()
    for (let i = 0; i < 50; i++) {
      const felt = bench.feel({ severity: 'critical', subject: `trouble ${i}` })
      if ('id' in felt) bench.step('delivered', felt.id)
      bench.relieve({ subject: `trouble ${i}` })
      if ('id' in felt) bench.step('closed', felt.id)
    }
    expect(bench.notes.length).toBe(BURST_MAX)
    expect(bench.channel.counts.refused).toBe(50 - BURST_MAX)
  })
})

describe('a flood', () => {
  test('of one source is held back, is itself one alert, and is over when it is calm; others are heard meanwhile', () => {
    const bench = new Bench()
    for (let i = 0; i < 500; i++) bench.feel({ subject: `trouble ${i}` })
    expect(bench.channel.held).toHaveLength(BURST_MAX + 1)
    expect(bench.channel.counts.refused).toBe(500 - BURST_MAX)
    const flood = bench.channel.held.find(({ source }) => source.system === 'system5')
    expect(flood).toMatchObject({ count: 500 - BURST_MAX, subject: 'too many alerts of system1 of files' })
    expect(bench.feel({ source: organ('system1', 'other') }).outcome).toBe('raised')
    bench.pass(REFILL_MS)
    expect(bench.feel({ subject: 'one more' }).outcome).toBe('raised')
    expect(bench.feel({ subject: 'and another' }).outcome).toBe('refused')
    for (const { id } of bench.channel.held) bench.step('delivered', id)
    bench.since()
    bench.pass(CALM_MS + 1_000)
    expect(bench.since()).toContain('resolve')
  })

  test('of clients is one, whatever units they name', () => {
    const bench = new Bench()
    for (let i = 0; i < 50; i++) bench.feel({ source: { system: 'system1', origin: 'client', unit: `u${i}` } })
    expect(bench.channel.held).toHaveLength(BURST_MAX + 1)
  })

  test('of many sources is bounded: the least severe that has not climbed gives way, the rest is refused and counted', () => {
    const bench = new Bench()
    const from = (at: number, severity: Signal['severity']) => bench.feel({ source: organ('system1', `u${at}`), severity })
    for (let i = 0; i < HELD_MAX; i++) expect(from(i, i === 5 ? 'low' : 'high').outcome).toBe('raised')
    expect(from(900, 'low')).toMatchObject({ outcome: 'refused', reason: 'full' })
    expect(from(901, 'high').outcome).toBe('raised')
    expect(bench.channel.held.some(({ severity }) => severity === 'low')).toBe(false)
    for (let i = 0; i < 2 * HELD_MAX; i++) from(1_000 + i, 'critical')
    expect(bench.channel.held).toHaveLength(HELD_MAX)
    expect(bench.channel.held.every(({ severity }) => severity === 'critical')).toBe(true)
    expect(bench.channel.counts.displaced).toBe(HELD_MAX + 1)
    expect(bench.channel.over.length).toBeLessThanOrEqual(OVER_MAX)
    expect(bench.kept.size).toBe(HELD_MAX)
  })
})

test('any history: within bounds, one alert per pain, what is kept is what is held, each delivery asked once at a time', () => {
  for (let seed = 1; seed <= 15; seed++) {
    const random = seededRandom(seed)
    const bench = new Bench([], seed)
    const dice = (sides: number): number => Math.floor(random.next() * sides)
    const asked = new Set<string>()
    const follow = (effects: readonly AlgedonicEffect[]): void => {
      for (const effect of effects) {
        if (effect.type === 'deliver') {
          expect(asked.has(effect.alert.id), `seed ${seed}`).toBe(false)
          asked.add(effect.alert.id)
        } else if (effect.type === 'resolve') {
          expect(asked.has(effect.id), `seed ${seed}`).toBe(false)
          asked.add(effect.id)
        } else if (effect.type === 'forget') asked.delete(effect.id)
      }
      bench.take(effects)
    }
    for (let i = 0; i < 800; i++) {
      const what = { source: organ('system1', `u${dice(30)}`), subject: `s${dice(3)}` }
      const roll = dice(8)
      bench.nowMs += dice(4_000) - (dice(50) === 0 ? 60_000 : 0)
      if (roll < 3)
        follow(
          bench.channel.feel(signal({ ...what, severity: (['low', 'high', 'critical'] as const)[dice(3)] ?? 'low' }), bench.nowMs)
            .effects,
        )
      else if (roll === 3) follow(bench.channel.remedy(what, 'ok', bench.nowMs))
      else if (roll < 6) follow(bench.channel.tick(bench.nowMs))
      else {
        const ids = [...asked]
        const id = ids[dice(ids.length)]
        if (id === undefined) continue
        asked.delete(id)
        const { remedied } = bench.channel.held.find((alert) => alert.id === id) ?? {}
        const type =
          dice(3) === 0 ? 'undelivered' : remedied === undefined ? 'delivered' : dice(2) === 0 ? 'closed' : 'undelivered'
        follow(bench.channel.step({ type, id }, bench.nowMs))
      }
      const { held } = bench.channel
      expect(held.length).toBeLessThanOrEqual(HELD_MAX)
      const open = held.filter(({ remedied }) => remedied === undefined)
      expect(new Set(open.map(({ source, subject }) => JSON.stringify([source, subject]))).size, `seed ${seed}`).toBe(open.length)
      expect([...bench.kept.keys()].toSorted(), `seed ${seed}`).toEqual(held.map(({ id }) => id).toSorted())
    }
  }
})
