import type { CellUnit } from './cell.ts'
import type { Chance } from './chance.ts'
import { CELL_DEADLINE_MS, CELL_RATE_PER_S, CELL_SIGMA, CELL_WORK_MS, SERVICES, type ServiceName, SITES } from './constants.ts'
import { type Arrival, Demand, rateOf } from './demand.ts'
import type { SimulatedNode } from './node.ts'
import type { Router } from './routing.ts'
import type { Tally } from './tally.ts'
import type { Timeline } from './timeline.ts'

/** A node that clients are connected to. */
interface Entry {
  readonly node: SimulatedNode
  readonly router: Router
}

interface Cell {
  readonly unit: CellUnit
  readonly node: SimulatedNode
}

export interface ClientsComponents {
  /** A source of its own for each purpose. */
  readonly chance: (purpose: number) => Chance
  readonly siteOf: (site: number) => readonly Entry[]
  readonly cells: readonly Cell[]
  readonly tally: Tally
}

/** Calls of every service at every site, and jobs for every cell, as long as the timeline goes. */
export function connectClients(timeline: Timeline, { chance, siteOf, cells, tally }: ClientsComponents): void {
  const arriving = (demand: Demand, site: number, each: (arrival: Arrival) => void): void => {
    const next = (): void => {
      const arrival = demand.next(siteOf(site).length)
      timeline.at(arrival.atMs, () => {
        each(arrival)
        next()
      })
    }
    next()
  }

  const call = (site: number, service: ServiceName, { at, workMs, luck }: Arrival): void => {
    const entries = siteOf(site)
    // A client whose node is gone connects to the next one.
    const entry = entries.map((_, i) => entries[(at + i) % entries.length]).find((each) => each?.node.isAlive === true)
    if (entry === undefined) return
    const { nowMs } = timeline
    entry.router.request(`${service}-${site}`, {
      caller: entry.node.peer,
      workMs,
      luck,
      beganMs: nowMs,
      deadlineMs: nowMs + SERVICES[service].deadlineMs,
      onEnd: (outcome, workedMs) => tally.ended(site, service, nowMs, outcome, workedMs),
    })
  }

  const job = ({ unit, node }: Cell, { workMs }: Arrival): void => {
    const { nowMs } = timeline
    // Its unit lives there and nowhere else: nobody has this job done before the node is back.
    if (!node.isAlive) return
    const onEnd = (isDone: boolean, heldMs: number): void =>
      tally.ended(node.site, 'cell', nowMs, isDone ? 'served' : node.isAlive ? 'late' : 'lost', heldMs)
    unit.do({ workMs, deadlineMs: nowMs + CELL_DEADLINE_MS, onEnd })
  }

  for (let site = 0; site < SITES; site++) {
    for (const [at, service] of (Object.keys(SERVICES) as ServiceName[]).entries()) {
      const purpose = 400 + 10 * site + at
      const demand = new Demand(chance(purpose), SERVICES[service], rateOf(service, site, chance(purpose + 200)))
      arriving(demand, site, (arrival) => call(site, service, arrival))
    }
  }
  const model = { workMs: CELL_WORK_MS, sigma: CELL_SIGMA }
  for (const [at, cell] of cells.entries()) {
    const rate = { maxPerS: CELL_RATE_PER_S, ratePerS: () => CELL_RATE_PER_S }
    const demand = new Demand(chance(800 + at), model, rate)
    arriving(demand, cell.node.site, (arrival) => job(cell, arrival))
  }
}
