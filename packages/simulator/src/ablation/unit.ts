import type { PeerIdString, UnitCounters, UnitName } from '@vsmcp/kernel'
import type { ReportedAccount } from '@vsmcp/vsm'
import { UNIT_IN_FLIGHT_MAX, UNIT_QUEUE_MAX, WORK_TIME_WEIGHT } from './constants.ts'
import type { Processor, Work } from './processor.ts'
import type { Timeline } from './timeline.ts'

/** `failed`: answered with an error. `lost`: its node or its server ended. */
export type Outcome = 'served' | 'failed' | 'late' | 'refused' | 'lost'

export interface Call {
  readonly caller: PeerIdString
  readonly workMs: number
  /** Uniform: it fails where this is below the share of calls that do. */
  readonly luck: number
  readonly beganMs: number
  readonly deadlineMs: number
  /** @param workedMs how long a unit worked on it */
  readonly onEnd: (outcome: Outcome, workedMs: number) => void
}

/** What makes it worse than it was. */
export interface Ailment {
  readonly slowness: number
  readonly errorShare: number
}

interface Held {
  readonly call: Call
  work: Work | undefined
  isOver: boolean
}

export interface UnitInit {
  readonly name: UnitName
  readonly processor: Processor
  readonly errorShare: number
  /** Calls in work at once without a grant. @default 128 */
  readonly inFlightMax?: number
}

const WELL: Ailment = { slowness: 1, errorShare: 0 }

/** An attached server behind its bulkhead, as a queue: first come, first served; who cannot be reached in time is refused at once, who waits too long is late. */
export class SimulatedUnit {
  readonly name: UnitName
  readonly #timeline: Timeline
  readonly #init: UnitInit
  readonly #waiting: Held[] = []
  /** All that is held, in order of deadlines. */
  #held: Held[] = []
  #head = 0
  #queued = 0
  #inFlight = 0
  #limit: number
  #isUp = true
  #meanWorkMs: number | undefined
  #isExpiring = false
  #sumsAtMs = 0
  readonly #counts = { answered: 0, refused: 0, unanswered: 0, turnedAway: 0, notSent: 0, busyMs: 0, workMs: 0, waitMs: 0 }
  readonly #accounts = new Map<PeerIdString, { answered: number; refused: number; latencyMs: number }>()
  #latencies: number[] = []
  ailment: (nowMs: number) => Ailment = () => WELL

  constructor(timeline: Timeline, init: UnitInit) {
    this.#timeline = timeline
    this.#init = init
    this.name = init.name
    this.#limit = init.inFlightMax ?? UNIT_IN_FLIGHT_MAX
  }

  get isUp(): boolean {
    return this.#isUp
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get limit(): number {
    return this.#limit
  }

  counters(): UnitCounters {
    this.#pass()
    return { ...this.#counts, cancelled: 0, inFlight: this.#inFlight, queued: this.#queued }
  }

  accounts(): ReportedAccount[] {
    return [...this.#accounts].map(([node, account]) => ({ node, ...account }))
  }

  /** Latencies since this was asked last, sorted. */
  takeLatencies(): number[] {
    const taken = this.#latencies.sort((a, b) => a - b)
    this.#latencies = []
    return taken
  }

  grant(concurrency: number): void {
    this.#limit = Math.max(1, Math.min(Math.floor(concurrency), this.#init.inFlightMax ?? UNIT_IN_FLIGHT_MAX))
    this.#admit()
  }

  offer(call: Call): void {
    const { nowMs } = this.#timeline
    if (!this.#isUp) {
      this.#counts.notSent++
      return call.onEnd('refused', 0)
    }
    const isFull = this.#inFlight >= this.#limit
    if (isFull) {
      const expectedMs = ((this.#meanWorkMs ?? 0) * (this.#queued + 1)) / this.#limit
      if (expectedMs > call.deadlineMs - nowMs || this.#queued >= UNIT_QUEUE_MAX) {
        this.#counts.turnedAway++
        return call.onEnd('refused', 0)
      }
    }
    this.#pass()
    const held: Held = { call, work: undefined, isOver: false }
    this.#held.push(held)
    if (isFull) {
      this.#queued++
      this.#waiting.push(held)
    } else this.#begin(held)
    this.#expireLater()
  }

  /** The server ends, with all that it has in hand. */
  end(): void {
    this.#pass()
    this.#isUp = false
    for (const held of this.#held.slice(this.#head)) this.#over(held, 'lost')
    this.#held = []
    this.#head = 0
    this.#waiting.length = 0
    this.#queued = 0
  }

  /** A new server takes its place: it is well, and counts go on. */
  start(): void {
    this.#isUp = true
    this.#meanWorkMs = undefined
  }

  #begin(held: Held): void {
    const { nowMs } = this.#timeline
    this.#inFlight++
    held.work = this.#init.processor.begin(held.call.workMs * this.ailment(nowMs).slowness, () => this.#done(held))
  }

  #done(held: Held): void {
    const { nowMs } = this.#timeline
    const { call } = held
    const isWell = call.luck >= this.#init.errorShare + this.ailment(nowMs).errorShare
    this.#pass()
    const latencyMs = nowMs - call.beganMs
    this.#counts[isWell ? 'answered' : 'refused']++
    const account = this.#accounts.get(call.caller) ?? { answered: 0, refused: 0, latencyMs: 0 }
    account[isWell ? 'answered' : 'refused']++
    account.latencyMs += latencyMs
    this.#accounts.set(call.caller, account)
    this.#latencies.push(latencyMs)
    const workedMs = nowMs - (held.work?.beganMs ?? nowMs)
    this.#meanWorkMs = (this.#meanWorkMs ?? workedMs) + (workedMs - (this.#meanWorkMs ?? workedMs)) * WORK_TIME_WEIGHT
    this.#over(held, isWell ? 'served' : 'failed')
    this.#admit()
  }

  #admit(): void {
    while (this.#inFlight < this.#limit && this.#queued > 0) {
      const next = this.#waiting.shift()
      if (next === undefined) break
      if (next.isOver) continue
      this.#pass()
      this.#queued--
      this.#begin(next)
    }
  }

  #over(held: Held, outcome: Outcome): void {
    if (held.isOver) return
    held.isOver = true
    const { call, work } = held
    let workedMs = 0
    if (work !== undefined) {
      workedMs = this.#timeline.nowMs - work.beganMs
      this.#init.processor.stop(work)
      this.#inFlight--
      if (outcome === 'late' || outcome === 'lost') this.#counts.unanswered++
    }
    call.onEnd(outcome, workedMs)
  }

  #expireLater(): void {
    if (this.#isExpiring) return
    const next = this.#held[this.#head]
    if (next === undefined) return
    this.#isExpiring = true
    this.#timeline.at(next.call.deadlineMs, () => {
      this.#isExpiring = false
      this.#expire()
      this.#expireLater()
    })
  }

  #expire(): void {
    const { nowMs } = this.#timeline
    this.#pass()
    for (;;) {
      const held = this.#held[this.#head]
      if (held === undefined || (!held.isOver && held.call.deadlineMs > nowMs)) break
      this.#head++
      if (held.isOver) continue
      if (held.work === undefined) {
        this.#queued--
        this.#counts.turnedAway++
      }
      this.#over(held, 'late')
    }
    if (this.#head > 256) {
      this.#held = this.#held.slice(this.#head)
      this.#head = 0
    }
    this.#admit()
  }

  #pass(): void {
    const { nowMs } = this.#timeline
    const passedMs = nowMs - this.#sumsAtMs
    this.#sumsAtMs = nowMs
    if (this.#inFlight > 0) {
      this.#counts.busyMs += passedMs
      this.#counts.workMs += passedMs * this.#inFlight
    }
    this.#counts.waitMs += passedMs * this.#queued
  }
}
