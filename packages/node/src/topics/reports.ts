import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Clock, PeerIdString, Startable, Timer, UnitName } from '@vsmcp/kernel'
import type { Definitions } from '@vsmcp/mcp'
import { NOTICES_PER_CHANGE_MAX, REPORT_PERIOD_MS } from '../constants.ts'
import type { Router } from '../route/router.ts'
import type { LocalUnits } from '../system1/local-units.ts'
import type { Operations } from '../system1/operations.ts'
import type { Performance } from '../system3/performance.ts'
import type { GroupLog } from '../system5/group-log.ts'
import { sha256Hex } from '../sha256.ts'
import { offersOf } from './capabilities.ts'
import type { GroupSignals } from './group-signals.ts'

/** How often the event loop's delay is sampled, milliseconds: finer costs an idle node a measurable part of its processor. */
const LAG_RESOLUTION_MS = 250

export interface ReportsComponents {
  self: PeerIdString
  signals: GroupSignals
  units: LocalUnits
  router: Router
  operations: Operations
  performance: Pick<Performance, 'report'>
  log: GroupLog
  clock: Clock
}

/**
 * What the systems of this node say without being asked: measured reports of itself, and notices of what came and went. Pain goes by
 * the algedonic channel, and who is System 5 by its office.
 */
export class Reports implements Startable {
  readonly #c: ReportsComponents
  readonly #lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS })
  readonly #offered = new Map<UnitName, ReadonlyMap<string, string>>()
  #eventLoopLagMs = 0
  #timer: Timer | undefined
  #offs: (() => void)[] = []

  constructor(components: ReportsComponents) {
    this.#c = components
  }

  async start(): Promise<void> {
    const { signals, units, log, clock } = this.#c
    this.#lag.enable()
    this.#offs = [
      units.on('unit:definitions', ({ name, definitions }) => this.#announceOffer(name, definitions)),
      units.on('unit:gone', ({ name }) => {
        this.#announceOffer(name, undefined)
      }),
      log.on('entry:applied', ({ index, effects }) => {
        if (!log.isLeader) return
        for (const effect of effects) {
          if (effect.type !== 'name:granted' && effect.type !== 'name:released') continue
          const event = effect.type === 'name:granted' ? 'name-granted' : 'name-released'
          const body = { event, name: effect.bareName, unit: effect.unit, index } as const
          signals.say('coordination', { kind: 'coordination', from: 'system2', to: 'system1' }, body)
        }
      }),
    ]
    this.#timer = clock.every(REPORT_PERIOD_MS, () => this.#report())
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#lag.disable()
    for (const off of this.#offs) off()
  }

  /** Mean delay of this node's event loop over the last report period, milliseconds. */
  get eventLoopLagMs(): number {
    return this.#eventLoopLagMs
  }

  #report(): void {
    const { signals, units, router, operations, performance } = this.#c
    // The monitor counts its own resolution as delay.
    this.#eventLoopLagMs = Math.max(0, Math.round((this.#lag.mean / 1e6 - LAG_RESOLUTION_MS) * 10) / 10) || 0
    this.#lag.reset()
    const rssBytes = process.memoryUsage.rss()
    const body = {
      units: units.list().length,
      inFlight: router.inFlight,
      eventLoopLagMs: this.#eventLoopLagMs,
      rssBytes,
      achievement: operations.achievement(),
      exceptions: performance.report,
    }
    signals.say('control', { kind: 'report', from: 'system3', to: 'system5' }, body)
  }

  #announceOffer(unit: UnitName, definitions: Definitions | undefined): void {
    const before = this.#offered.get(unit) ?? new Map<string, string>()
    const now = definitions === undefined ? new Map<string, string>() : offersOf(definitions)
    if (definitions === undefined) this.#offered.delete(unit)
    else this.#offered.set(unit, now)
    let told = 0
    const tell = (event: 'appeared' | 'vanished' | 'changed', key: string, definition: string): void => {
      if (++told > NOTICES_PER_CHANGE_MAX) return
      const [kind, ...name] = key.split(':')
      const body = {
        event,
        unit,
        kind: kind as 'tool' | 'resource' | 'prompt',
        name: name.join(':'),
        digest: sha256Hex(definition),
      }
      this.#c.signals.say('intelligence', { kind: 'intelligence', from: 'system4', to: 'system5' }, body)
    }
    for (const [key, definition] of now) {
      const known = before.get(key)
      if (known === undefined) tell('appeared', key, definition)
      else if (known !== definition) tell('changed', key, definition)
    }
    for (const [key, definition] of before) if (!now.has(key)) tell('vanished', key, definition)
  }
}
