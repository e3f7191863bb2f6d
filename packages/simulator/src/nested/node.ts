import type { GroupId, PeerIdString, UnitCounters, UnitName } from '@vsmcp/kernel'
import { UnitMeter, VarietyMeter } from '@vsmcp/vsm'
import type { Seat } from './seat.ts'
import { peerIdOf } from './topology.ts'

/** What a node offers its group, as its record in the group's document says. */
export interface Offer {
  readonly unit: UnitName
  /** Names under which they are listed. */
  readonly tools: readonly string[]
  /** Grows with every change. */
  readonly version: number
  /** Whether it has a seat in the parent. */
  readonly isDelegate: boolean
}

const LIMITS = { concurrency: 16, ratePerS: null } as const

/** One process: a home group, perhaps a seat in its parent, one unit, connections that all seats share. */
export class Node {
  readonly number: number
  readonly id: PeerIdString
  readonly zone: string
  readonly unit: UnitName
  /** By group; the first is its home. */
  readonly seats = new Map<GroupId, Seat>()
  /** Numbers of nodes to which a connection stands. */
  readonly links = new Set<number>()
  readonly meter = new UnitMeter()
  readonly variety = new VarietyMeter()
  readonly upSinceMs: number
  isUp = true
  /** Its machine vanished: nothing comes back, not even a refusal. */
  isSilent = false
  tools: readonly string[]
  version = 1
  #work = { answered: 0, refused: 0, busyMs: 0, workMs: 0, inFlight: 0 }

  constructor(number: number, zone: string, tools: number, upSinceMs: number) {
    this.number = number
    this.id = peerIdOf(number)
    this.zone = zone
    this.unit = `unit-${number}`
    this.tools = Array.from({ length: tools }, (_, at) => `${this.unit}__tool_${at}`)
    this.upSinceMs = upSinceMs
  }

  get home(): Seat {
    const [home] = this.seats.values()
    if (home === undefined) throw new Error(`${this.id} has no home`)
    return home
  }

  /** The seat in the parent of its home. */
  get above(): Seat | undefined {
    const parent = this.home.group.parent
    return parent === undefined ? undefined : this.seats.get(parent.id)
  }

  offer(): Offer {
    return { unit: this.unit, tools: this.tools, version: this.version, isDelegate: this.above !== undefined }
  }

  /** A call begins at its unit. */
  begin(): void {
    this.#work.inFlight++
  }

  end(tookMs: number, isWell: boolean): void {
    this.#work.inFlight--
    this.#work.workMs += tookMs
    this.#work.busyMs += tookMs
    if (isWell) this.#work.answered++
    else this.#work.refused++
  }

  /** What its unit has counted. */
  get counters(): UnitCounters {
    return { ...this.#work, unanswered: 0, cancelled: 0, turnedAway: 0, notSent: 0, waitMs: 0, queued: 0 }
  }

  measure(nowMs: number): ReturnType<UnitMeter['measure']> {
    return this.meter.measure(this.counters, LIMITS, nowMs)
  }
}
