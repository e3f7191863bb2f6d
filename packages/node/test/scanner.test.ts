import { silentLogger, telemetry, type UnitCounters } from '@vsmcp/kernel'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Catalog } from '../src/catalog/catalog.ts'
import type { Members } from '../src/members/members.ts'
import { SCAN_PERIOD_MS } from '../src/system4/constants.ts'
import { GROUP_SUBJECT, Scanner } from '../src/system4/scanner.ts'
import type { LocalUnits } from '../src/system1/local-units.ts'
import { MemoryStore } from './support/memory-store.ts'

const NOTHING: UnitCounters = {
  answered: 0,
  refused: 0,
  unanswered: 0,
  cancelled: 0,
  turnedAway: 0,
  notSent: 0,
  busyMs: 0,
  workMs: 0,
  waitMs: 0,
  inFlight: 0,
  queued: 0,
}

/** A node of one unit, its time in the test's hand. */
class Bench {
  readonly kv: MemoryStore
  nowMs = 0
  calls = 0
  errors = 0
  gone: (event: { name: string }) => void = () => {}
  attached = true
  isPaused = false
  readonly scanner: Scanner

  constructor(kv = new MemoryStore(), nowMs = 0) {
    this.kv = kv
    this.nowMs = nowMs
    const unit = { name: 'files', counters: () => ({ ...NOTHING, answered: this.calls - this.errors, refused: this.errors }) }
    const units = {
      list: () => (this.attached ? [unit] : []),
      on: (_: string, listener: Bench['gone']) => {
        this.gone = listener
        return () => {}
      },
    } as unknown as LocalUnits
    const timer = { cancel: () => {} }
    this.scanner = new Scanner({
      self: 'me',
      name: () => 'mill',
      units,
      catalog: { units: [{}] } as unknown as Catalog,
      members: { list: () => [], isAlive: () => true } as unknown as Members,
      isPaused: () => this.isPaused,
      kv: this.kv,
      clock: { wallMs: () => this.nowMs, monotonicMs: () => this.nowMs, after: () => timer, every: () => timer },
      logger: silentLogger,
    })
  }

  tick(calls: number, periods = 1): void {
    this.nowMs += periods * SCAN_PERIOD_MS
    this.calls += calls
    this.scanner.tick()
  }

  series(measure: string) {
    return this.scanner.view('files').find((each) => each.measure === measure)
  }
}

async function bench(...args: ConstructorParameters<typeof Bench>): Promise<Bench> {
  const made = new Bench(...args)
  await made.scanner.start()
  return made
}

describe('the scanner', () => {
  it('watches calls per tick, failures and how long the unit took, and the group', async () => {
    const watched = await bench()
    watched.tick(100)
    for (let i = 0; i < 20; i++) {
      const end = watched.scanner.asked('files')
      watched.nowMs += 30
      end(true)
      watched.errors += i % 2
      watched.nowMs -= 30
      watched.tick(7)
    }
    // What was before the first look belongs to no tick.
    expect(watched.series('calls')).toMatchObject({ observed: 20, last: 7, ahead: [{ ahead: 1 }, {}, {}, {}] })
    expect(watched.series('calls')?.ahead[0]?.mean).toBeCloseTo(7, 1)
    expect(watched.series('latency')?.level).toBeGreaterThan(10)
    expect(watched.series('failures')).toMatchObject({ last: 1 })
    expect(watched.scanner.view(GROUP_SUBJECT).map(({ measure, last }) => [measure, last])).toEqual([
      ['alive', 1],
      ['units', 1],
    ])
  })

  it('tells of a step, on the log of turns and by telemetry', async () => {
    const heard: unknown[] = []
    onTestFinished(telemetry('vsmcp:system4:turn').subscribe((turn) => heard.push(turn)))
    const watched = await bench()
    for (let i = 0; i < 40; i++) watched.tick(10 + (i % 3))
    for (let i = 0; i < 6; i++) watched.tick(80 + (i % 3))
    expect(watched.scanner.turns).toMatchObject([{ subject: 'files', measure: 'calls', change: 'step' }])
    expect(heard).toMatchObject([{ subject: 'files', measure: 'calls', change: 'step' }])
  })

  it('takes what came while the machine slept for a gap, not for a burst', async () => {
    const watched = await bench()
    for (let i = 0; i < 40; i++) watched.tick(10 + (i % 3))
    watched.tick(11 * 30, 30)
    watched.tick(11)
    watched.tick(11)
    expect(watched.scanner.turns).toEqual([])
    expect(watched.series('calls')).toMatchObject({ observed: 41 })
  })

  it('takes what came while forecasts were paused for a gap, too', async () => {
    const watched = await bench()
    for (let i = 0; i < 40; i++) watched.tick(10 + (i % 3))
    watched.isPaused = true
    for (let i = 0; i < 20; i++) watched.tick(90)
    watched.isPaused = false
    for (let i = 0; i < 3; i++) watched.tick(11)
    expect(watched.scanner.turns).toEqual([])
    expect(watched.series('calls')).toMatchObject({ observed: 41, last: 11 })
  })

  it('goes on after a restart with what it knew, less sure of it', async () => {
    const first = await bench()
    for (let i = 0; i < 40; i++) first.tick(10 + (i % 5))
    const before = first.series('calls')
    await first.scanner.stop()
    const second = await bench(first.kv, first.nowMs + 20 * SCAN_PERIOD_MS)
    const after = second.series('calls')
    expect(after).toMatchObject({ observed: before?.observed, last: before?.last, skill: before?.skill })
    const width = (of: typeof after): number => (of?.ahead[0]?.high ?? 0) - (of?.ahead[0]?.low ?? 0)
    expect(width(after)).toBeGreaterThan(width(before))
  })

  it('begins anew where what it wrote down cannot be read', async () => {
    const first = await bench()
    for (let i = 0; i < 20; i++) first.tick(10)
    await first.scanner.stop()
    first.kv.values.set('calls files', new Uint8Array([1, 2, 3]))
    const second = await bench(first.kv, first.nowMs)
    expect(second.series('calls')).toBeUndefined()
    expect(second.series('failures')).toMatchObject({ observed: 19 })
  })

  it('watches what comes from outside, and gaps in it', async () => {
    const watched = await bench()
    for (let i = 0; i < 20; i++) watched.scanner.feed('feed:price', -3 + (i % 2))
    watched.scanner.feed('feed:price', null)
    const [series] = watched.scanner.view('feed:price')
    expect(series).toMatchObject({ measure: 'feed', observed: 20, last: -2 })
    expect(series?.ahead[0]?.low).toBeLessThan(-2)
    watched.scanner.forget('feed:price')
    expect(watched.scanner.view('feed:price')).toEqual([])
  })

  it('forgets a unit that is detached, on disk, too', async () => {
    const watched = await bench()
    for (let i = 0; i < 30; i++) watched.tick(10)
    expect([...watched.kv.values.keys()]).toContain('calls files')
    watched.attached = false
    watched.gone({ name: 'files' })
    await expect.poll(() => [...watched.kv.values.keys()].filter((key) => key.endsWith('files'))).toEqual([])
    expect(watched.scanner.view('files')).toEqual([])
  })
})
