import type { UnitName } from '@vsmcp/kernel'
import type { UnitReport } from '@vsmcp/vsm'
import {
  CHAT_CONCURRENCY,
  CHAT_POOL,
  CHAT_START_MS,
  POOL_PERIOD_MS,
  REPORT_PERIOD_MS,
  SERVICES,
  SITES,
  WAN_RTT_MS,
} from './constants.ts'
import { Elastic } from './elastic.ts'
import type { SimulatedNode } from './node.ts'
import { Pool } from './pool.ts'
import { Processor } from './processor.ts'
import type { Regulation } from './regulation.ts'
import type { Provider } from './routing.ts'
import type { Swings } from './swings.ts'
import type { Timeline } from './timeline.ts'
import { SimulatedUnit } from './unit.ts'
import type { Organs } from './variant.ts'

interface Instance extends Provider {
  isThere: boolean
}

interface Home {
  readonly node: SimulatedNode
  readonly regulation: Regulation
}

export interface ChatFleetInit {
  readonly organs: Organs
  readonly seed: number
  readonly swings: Swings
  readonly siteOf: (site: number) => readonly Home[]
  readonly isLinked: (site: number, other: number) => boolean
  readonly provide: (unit: UnitName, providers: readonly Provider[]) => void
}

/** The instances of `chat` in all sites: started and stopped by each site's `Elastic`, within what the mesh's `Pool` grants it. */
export class ChatFleet {
  readonly #timeline: Timeline
  readonly #init: ChatFleetInit
  readonly #instances: Instance[][] = Array.from({ length: SITES }, () => [])
  readonly #elastics: Elastic[] = []
  #slotMs = 0
  #idleSlotMs = 0

  constructor(timeline: Timeline, init: ChatFleetInit) {
    this.#timeline = timeline
    this.#init = init
    const { forecasting, bargaining, coordination, recursion, control } = init.organs
    for (let site = 0; site < SITES; site++) {
      this.#elastics[site] = new Elastic(this.#timeline, {
        site,
        forecasts: forecasting,
        begin: () => this.#beginInstance(site, CHAT_START_MS),
        end: () => this.#endInstance(site),
        count: () => this.#countOf(site),
      })
      for (let made = 0; made < Math.floor(CHAT_POOL / SITES); made++) this.#beginInstance(site, 0)
    }
    const isShared = control && bargaining
    const rootSite = (): number => (this.#init.isLinked(0, 1) || this.#init.isLinked(0, SITES - 1) ? 0 : 1)
    // Between the controller of all and that of a site; where one group is all, only its site is another.
    const carry = (site: number, run: () => void): void => {
      if (!this.#init.isLinked(rootSite(), site)) return
      this.#timeline.after(recursion && site !== rootSite() ? WAN_RTT_MS / 2 : 0, run)
    }
    const pool = new Pool(this.#timeline, {
      seed: init.seed,
      isDamped: coordination,
      granted: (site, instances) => {
        if (!isShared) return
        this.#init.swings.set(`pool ${site}`, instances, this.#timeline.nowMs)
        carry(site, () => {
          const elastic = this.#elastics[site]
          if (elastic !== undefined) elastic.granted = instances
        })
      },
    })
    for (const [site, elastic] of this.#elastics.entries()) {
      this.#timeline.every(REPORT_PERIOD_MS, REPORT_PERIOD_MS, () => elastic.tick())
      this.#timeline.every(POOL_PERIOD_MS, POOL_PERIOD_MS, () => {
        // One group's controller does not hear of a site that is cut off, nor is it heard there: all stays as it is.
        if (!recursion && !this.#init.isLinked(rootSite(), site)) return
        const { need } = elastic
        elastic.adjust(need)
        carry(site, () => pool.observe(site, need))
      })
    }
    this.#timeline.every(1_000, 0, () => this.#countIdle())
  }

  /** Share of the time of its places that was paid for and not used. */
  get idleShare(): number {
    return this.#slotMs === 0 ? 0 : this.#idleSlotMs / this.#slotMs
  }

  /** The controller of a site's group has taken in a report. */
  heard(site: number, report: UnitReport): void {
    this.#elastics[site]?.heard(report)
  }

  /** A node is gone, with its instance. */
  lost(node: SimulatedNode): void {
    const instances = this.#instances[node.site] ?? []
    for (const instance of instances.filter((each) => each.node === node)) this.#forgetInstance(instance)
  }

  #countOf(site: number): number {
    return (this.#instances[site] ?? []).filter(({ node }) => node.failedSinceMs === undefined).length
  }

  #beginInstance(site: number, comesAfterMs: number): void {
    const instances = this.#instances[site]
    const homes = this.#init.siteOf(site).filter(({ node }) => node.failedSinceMs === undefined)
    const home = homes.find((each) => instances?.every((instance) => instance.node !== each.node) === true)
    if (home === undefined || instances === undefined) return
    const { node, regulation } = home
    const name = `chat-${site}`
    // Places of its own: it works on a machine behind the node.
    const unit = new SimulatedUnit(this.#timeline, {
      name,
      processor: new Processor(this.#timeline, CHAT_CONCURRENCY),
      errorShare: SERVICES.chat.errorShare,
      inFlightMax: CHAT_CONCURRENCY,
    })
    const instance: Instance = { node, unit, isThere: false }
    instances.push(instance)
    this.#timeline.after(comesAfterMs, () => {
      if (!instances.includes(instance) || !node.isAlive) return
      instance.isThere = true
      node.units.set(name, unit)
      regulation.attach(unit, SERVICES.chat, false)
      this.#provideChat(site)
    })
  }

  #endInstance(site: number): void {
    const instances = this.#instances[site] ?? []
    const instance = instances.findLast(({ isThere }) => !isThere) ?? instances.at(-1)
    if (instance === undefined) return
    this.#forgetInstance(instance)
  }

  #forgetInstance(instance: Instance): void {
    const { node, unit } = instance
    const instances = this.#instances[node.site] ?? []
    instances.splice(instances.indexOf(instance), 1)
    if (!instance.isThere) return
    instance.isThere = false
    this.#provideChat(node.site)
    node.units.delete(unit.name)
    this.#init
      .siteOf(node.site)
      .find((home) => home.node === node)
      ?.regulation.detach(unit.name)
  }

  #provideChat(site: number): void {
    this.#init.provide(
      `chat-${site}`,
      (this.#instances[site] ?? []).filter(({ isThere }) => isThere),
    )
  }

  #countIdle(): void {
    for (const instance of this.#instances.flat()) {
      this.#slotMs += CHAT_CONCURRENCY
      this.#idleSlotMs += CHAT_CONCURRENCY - (instance.isThere ? instance.unit.inFlight : 0)
    }
  }
}
