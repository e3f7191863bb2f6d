import type { Chance } from './chance.ts'
import {
  BURST_FACTOR,
  BURST_GAP_MS,
  BURST_LENGTH_MS,
  CHAT_DAY_MS,
  CHAT_GROWTH,
  CHAT_SEASON,
  LIFE_MS,
  SERVICES,
  type ServiceModel,
  type ServiceName,
  SITES,
} from './constants.ts'

/** A call that a client makes: all that chance decides of it is decided here, so that it is the same whatever organs there are. */
export interface Arrival {
  readonly atMs: number
  /** Which of the site's nodes the client is connected to. */
  readonly at: number
  readonly workMs: number
  readonly luck: number
}

/** Arrivals of one service at one site: Poisson, at a rate that changes. */
export class Demand {
  readonly #chance: Chance
  readonly #model: Pick<ServiceModel, 'workMs' | 'sigma'>
  readonly #rateMaxPerS: number
  readonly #ratePerS: (nowMs: number) => number
  #atMs = 0

  constructor(
    chance: Chance,
    model: Pick<ServiceModel, 'workMs' | 'sigma'>,
    rate: { readonly maxPerS: number; readonly ratePerS: (nowMs: number) => number },
  ) {
    this.#chance = chance
    this.#model = model
    this.#rateMaxPerS = rate.maxPerS
    this.#ratePerS = rate.ratePerS
  }

  /** By thinning (P. Lewis, G. Shedler, "Simulation of nonhomogeneous Poisson processes by thinning", 1979). */
  next(nodes: number): Arrival {
    do this.#atMs += this.#chance.exponential(1_000 / this.#rateMaxPerS)
    while (this.#chance.uniform() * this.#rateMaxPerS > this.#ratePerS(this.#atMs))
    return {
      atMs: this.#atMs,
      at: this.#chance.index(nodes),
      workMs: this.#chance.logNormal(this.#model.workMs, this.#model.sigma),
      luck: this.#chance.uniform(),
    }
  }
}

/** How the demand for a service at a site goes. */
export function rateOf(
  service: ServiceName,
  site: number,
  chance: Chance,
): { readonly maxPerS: number; readonly ratePerS: (nowMs: number) => number } {
  const { ratePerS } = SERVICES[service]
  if (service === 'search') return burstsOf(ratePerS, chance)
  if (service !== 'chat') return { maxPerS: ratePerS, ratePerS: () => ratePerS }
  const phase = (2 * Math.PI * site) / SITES
  return {
    maxPerS: ratePerS * (1 + CHAT_GROWTH) * (1 + CHAT_SEASON),
    ratePerS: (nowMs) =>
      ratePerS *
      (1 + (CHAT_GROWTH * nowMs) / LIFE_MS) *
      (1 + CHAT_SEASON * Math.sin((2 * Math.PI * nowMs) / CHAT_DAY_MS + phase)),
  }
}

function burstsOf(ratePerS: number, chance: Chance): { maxPerS: number; ratePerS: (nowMs: number) => number } {
  const bursts: { fromMs: number; toMs: number; factor: number }[] = []
  for (let atMs = chance.exponential(BURST_GAP_MS); atMs < LIFE_MS; atMs += chance.exponential(BURST_GAP_MS)) {
    const toMs = atMs + chance.uniform(...BURST_LENGTH_MS)
    bursts.push({ fromMs: atMs, toMs, factor: chance.uniform(...BURST_FACTOR) })
    atMs = toMs
  }
  let at = 0
  return {
    maxPerS: ratePerS * BURST_FACTOR[1],
    // Asked in order of time.
    ratePerS: (nowMs) => {
      while (nowMs >= (bursts[at]?.toMs ?? Number.POSITIVE_INFINITY)) at++
      const burst = bursts[at]
      return ratePerS * (burst !== undefined && nowMs >= burst.fromMs ? burst.factor : 1)
    },
  }
}
