import { seededRandom, type UnitCounters } from '../../packages/kernel/src/index.ts'
import {
  Auditor,
  Outlook,
  PerformanceMonitor,
  ReportJudge,
  ResourceBargain,
  StationMeter,
  UnitMeter,
  type UnitReport,
  VarietyMeter,
} from '../../packages/vsm/src/index.ts'

import { atMost, type Bench, medians } from './lib/bench.ts'

const UNITS = 1_000
const WINDOWS = 60
const WINDOW_MS = 5_000
/** Windows until the compiler has settled. */
const WARM_UP = 10
const SELF = '12D3KooWSelf'
const HOST = '12D3KooWHost'
const SEED = 4

/** Milliseconds taken by each event, by organ. */
class Stopwatch {
  readonly #taken = new Map<string, number[]>()
  isWarm = false

  time<T>(organ: string, step: () => T): T {
    const began = process.hrtime.bigint()
    const result = step()
    const takenUs = Number(process.hrtime.bigint() - began) / 1_000
    if (this.isWarm) {
      const taken = this.#taken.get(organ) ?? []
      taken.push(takenUs)
      this.#taken.set(organ, taken)
    }
    return result
  }

  figures(): Record<string, number> {
    const all = [...this.#taken.values()].flat()
    const entries: [string, number][] = [...this.#taken].map(([organ, taken]) => [`${organ}, median µs`, rank(taken, 0.5)])
    return { 'any event, median µs': rank(all, 0.5), 'any event, p99 µs': rank(all, 0.99), ...Object.fromEntries(entries) }
  }
}

function rank(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** What a unit has counted after so many windows of some twenty calls each. */
function countsOf(window: number, load: number): UnitCounters {
  const answered = window * Math.round(20 * load)
  const workMs = answered * 40
  const none = { unanswered: 0, cancelled: 0, turnedAway: 0, notSent: 0, waitMs: 0, queued: 0 }
  return { ...none, answered, refused: window, workMs, busyMs: Math.min(workMs, window * WINDOW_MS), inFlight: 1 }
}

function reportOf(unit: string, window: number, answered: number): UnitReport {
  const calls = 21
  return {
    unit,
    windowMs: WINDOW_MS,
    calls,
    errors: 1,
    inFlight: 1,
    latencyP50Ms: 40,
    latencyP99Ms: 60,
    measured: {
      life: 1,
      ordinal: window,
      answered: calls,
      turnedAway: 0,
      queued: 0,
      latencyMaxMs: 60,
      actuality: 4,
      capability: 25,
      potentiality: 50,
      callers: Array.from({ length: 8 }, (_, at) => ({
        node: at === 0 ? SELF : `12D3KooWCaller${at}`,
        answered: Math.floor(answered / 8),
        refused: at === 0 ? window : 0,
        latencyMs: Math.floor(answered / 8) * 40,
      })),
      digest: null,
    },
  }
}

function lives(): Record<string, number> {
  const random = seededRandom(SEED)
  const watch = new Stopwatch()
  const units = Array.from({ length: UNITS }, (_, at) => ({
    name: `unit-${at}`,
    load: 0.5 + random.next(),
    meter: new UnitMeter(),
    station: new StationMeter(),
  }))
  const judge = new ReportJudge()
  const bargain = new ResourceBargain({ capacity: { concurrency: 4_000, ratePerS: 20_000, memoryBytes: null } })
  const monitor = new PerformanceMonitor()
  const auditor = new Auditor({ self: SELF, random, nowMs: 0 })
  const outlook = new Outlook()
  const variety = new VarietyMeter()
  const auditable = units.map(({ name }) => ({ unit: name, node: HOST }))
  const limits = { concurrency: 16, ratePerS: null }
  const owed = { p99Ms: 50, errorShare: 0.01 }
  for (let window = 1; window <= WINDOWS; window++) {
    watch.isWarm = window > WARM_UP
    const nowMs = window * WINDOW_MS
    for (const { name: unit, load, meter, station } of units) {
      const counts = countsOf(window, load)
      const report = reportOf(unit, window, counts.answered)
      watch.time('system 1: a unit is measured', () => meter.measure(counts, limits, nowMs))
      const heard = { node: HOST, sequence: window, atMs: nowMs, report }
      watch.time('system 1: a report is judged', () => judge.judge(heard, true, nowMs, nowMs))
      const demand = {
        weight: 1,
        concurrencyMax: 128,
        ratePerSMax: null,
        owed,
        concurrency: 4 * load * random.next(),
        ratePerS: 5,
      }
      watch.time('system 3: a demand is heard', () => bargain.observe(unit, { ...demand, memoryBytes: null }))
      watch.time('system 3: a window is held against a target', () =>
        monitor.judge(unit, { calls: 21, errors: 1, p99Ms: 40 + 20 * random.next() }, owed),
      )
      const call = { outcome: 'answered', latencyMs: 41, bytes: 500, overheadMs: 1 } as const
      watch.time('system 3*: a call is remembered', () => auditor.called({ unit, node: HOST }, call, nowMs))
      const calls = Math.round(20 * load + 4 * random.next())
      watch.time('system 4: a value is heard and foretold', () => outlook.step(unit, 'calls', calls))
      const begun = watch.time('system 4: a call begins', () => station.begun(nowMs))
      watch.time('system 4: a call ends', () => station.ended(begun, true, nowMs + 41))
      const asked = { demand: unit, response: `${unit}/tool`, unit, outcome: 'ok' } as const
      watch.time('variety: a call is counted', () => variety.step(asked, nowMs))
      watch.time('system 3*: a report is heard', () => auditor.heard(HOST, report, nowMs))
    }
    watch.time('system 3: all units bargain', () => bargain.tick(nowMs))
    watch.time('system 3*: is it time?', () => auditor.tick(auditable, nowMs))
  }
  return watch.figures()
}

export const vsmBench: Bench = {
  name: 'vsm',
  title: `Steps of Systems 1, 3, 3* and 4 at ${UNITS.toLocaleString('en')} units`,
  async run(context) {
    const measured: Record<string, number>[] = []
    for (let round = 0; round < context.rounds; round++) {
      const figures = lives()
      measured.push(figures)
      context.say(`round ${round + 1}: ${JSON.stringify(figures)}`)
    }
    const figures = medians(measured)
    return {
      subjects: [{ name: 'vsm', figures }],
      targets: [atMost('an event, median', figures['any event, median µs'] ?? Number.NaN, 20, ' µs')],
      notes: [
        `Seed ${SEED}; ${WINDOWS - WARM_UP} windows after ${WARM_UP} to warm up. Each event is timed by itself; the clock's own 0.1 µs is in it.`,
        'Where all units are looked at in one event (a bargain, the choice of whom to audit), that event is for all of them.',
      ],
    }
  },
}
