import { type Logger, messageOf, type PeerIdString, type Plane } from '@vsmcp/kernel'
import { checkScenario, modelOf, type ObservedUnit, type Scenario, type StationFuture } from '@vsmcp/vsm'
import { pack, unpack } from 'msgpackr'
import { z } from 'zod'
import { UNIT_QUERY_DEADLINE_MS } from '../constants.ts'
import type { FutureFigures, FutureView, WhatIfRequest } from './contract.ts'
import { CALLS_IN_ALL, CALLS_MAX, CALLS_MIN } from './constants.ts'
import type { Members } from '../members/members.ts'
import type { Scanner } from './scanner.ts'
import type { Simulations } from './simulations.ts'

const OBSERVED = 'system4:observed'

const observedSchema = z
  .array(
    z.object({
      unit: z.string().max(64),
      calls: z.int().nonnegative(),
      ratePerS: z.number().nonnegative().max(1e9),
      serviceMs: z.array(z.number().nonnegative().max(1e9)).max(256),
      servers: z.int().min(1).max(640).nullable(),
      unlimitedUpTo: z.int().min(1).max(640).nullable(),
    }),
  )
  .max(256)

export interface FuturesComponents {
  self: PeerIdString
  scanner: Scanner
  simulations: Simulations
  members: Members
  control: Plane
  nameOf: (peer: PeerIdString) => string
  /** Throws while the node has better to do. */
  assertMayBegin: (what: string) => void
  /** Names of all members. */
  names: () => string[]
  logger: Logger
}

/** Answers "what if": the units of the whole group as measured by their nodes, and a simulation of what becomes of them. */
export class Futures {
  readonly #c: FuturesComponents

  constructor(components: FuturesComponents) {
    this.#c = components
    components.control.handle(OBSERVED, async () => pack(components.scanner.observed()))
  }

  async whatIf(request: WhatIfRequest, signal?: AbortSignal): Promise<FutureView> {
    const { simulations, names, assertMayBegin } = this.#c
    assertMayBegin('a simulation')
    const scenario: Scenario = { without: request.without, demand: request.demand, slow: request.slow }
    const { observed, silent } = await this.#observed()
    checkScenario(scenario, observed, names())
    const today = modelOf(observed, { without: [], demand: 1, slow: {} })
    const then = modelOf(observed, scenario)
    const { seed } = request
    const stations = [...today.stations, ...then.stations]
    const calls = Math.min(CALLS_MAX, Math.max(CALLS_MIN, Math.floor(CALLS_IN_ALL / Math.max(1, stations.length))))
    const futures = stations.length === 0 ? [] : await simulations.run({ stations, seed, calls }, signal)
    const later = new Map(futures.slice(today.stations.length).map((future) => [future.name, future]))
    const units = today.stations.map(({ name, ratePerS, servers }, index) => ({
      unit: name,
      node: observed.find(({ unit }) => unit === name)?.node ?? '',
      callsPerS: ratePerS,
      servers,
      now: figuresOf(futures[index]),
      later: figuresOf(later.get(name)),
    }))
    return { seed, units, unknown: [...today.unknown], assumptions: [...today.assumptions], silentNodes: silent }
  }

  async #observed(): Promise<{ observed: ObservedUnit[]; silent: string[] }> {
    const { self, scanner, members, control, nameOf, logger } = this.#c
    const observed = scanner.observed()
    const silent: string[] = []
    const peers = members.list().filter(({ peer, state }) => peer !== self && state !== 'left')
    await Promise.all(
      peers.map(async ({ peer }) => {
        try {
          if (!members.isAlive(peer)) throw new Error('it is not reached')
          const reply = await control.call(peer, OBSERVED, new Uint8Array(), { deadlineMs: UNIT_QUERY_DEADLINE_MS })
          for (const each of observedSchema.parse(unpack(reply))) observed.push({ ...each, node: nameOf(peer) })
        } catch (error) {
          silent.push(nameOf(peer))
          logger.debug({ node: peer, error: messageOf(error) }, 'a node did not say how its units do')
        }
      }),
    )
    return { observed, silent }
  }
}

/** Of a unit that is gone every call is refused. */
function figuresOf(future: StationFuture | undefined): FutureFigures {
  if (future === undefined) return { latencyP50Ms: null, latencyP99Ms: null, utilisation: null, refused: { mean: 1, within: 0 } }
  const { latencyP50Ms, latencyP99Ms, utilisation, refused } = future
  return { latencyP50Ms, latencyP99Ms, utilisation, refused }
}
