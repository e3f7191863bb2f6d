import type { UnitName } from '@vsmcp/kernel'
import type { Chance } from './chance.ts'
import {
  CUT_FOR_MS,
  CUT_FROM_MS,
  LIAR_ERRORS,
  LIAR_FROM_MS,
  LIAR_SLOWNESS,
  LIFE_MS,
  LOSS_FOR_MS,
  LOSS_FROM_MS,
  POISON_DOUBLING_MS,
  POISON_ERRORS_MAX,
  POISON_ERRORS_PER_MIN,
  POISON_FROM_MS,
  POISON_SLOWNESS_MAX,
  SITES,
} from './constants.ts'
import type { Regulation } from './regulation.ts'
import { Liar } from './reporting.ts'
import type { SimulatedUnit } from './unit.ts'

/** What befalls a mesh, at which site and when, and when whoever is to know it knew. */
export class Incidents {
  readonly liar: { readonly site: number; readonly fromMs: number }
  readonly poison: { readonly site: number; readonly fromMs: number }
  readonly loss: { readonly site: number; readonly fromMs: number; readonly toMs: number }
  readonly cut: { readonly site: number; readonly fromMs: number; readonly toMs: number }
  readonly #noticedMs = new Map<'liar' | 'poison', number>()
  readonly #cures = new Map<UnitName, () => void>()
  /** What System 5 has had done, also in vain. */
  restarts = 0
  moves = 0

  constructor(chance: Chance) {
    const [liarAt = 0, poisonAt = 1, lossAt = 2] = chance.shuffled(Array.from({ length: SITES }, (_, site) => site))
    this.liar = { site: liarAt, fromMs: chance.uniform(...LIAR_FROM_MS) }
    this.poison = { site: poisonAt, fromMs: chance.uniform(...POISON_FROM_MS) }
    const fromMs = chance.uniform(...LOSS_FROM_MS)
    this.loss = { site: lossAt, fromMs, toMs: fromMs + LOSS_FOR_MS }
    const cutMs = chance.uniform(...CUT_FROM_MS)
    this.cut = { site: chance.index(SITES), fromMs: cutMs, toMs: cutMs + CUT_FOR_MS }
  }

  beginLie(regulation: Regulation, unit: SimulatedUnit): void {
    unit.ailment = () => ({ slowness: LIAR_SLOWNESS, errorShare: LIAR_ERRORS })
    regulation.lie(unit.name, new Liar(LIAR_SLOWNESS))
  }

  beginPoison(unit: SimulatedUnit, fromMs: number): void {
    unit.ailment = (nowMs) => ({
      slowness: Math.min(POISON_SLOWNESS_MAX, 2 ** ((nowMs - fromMs) / POISON_DOUBLING_MS)),
      errorShare: Math.min(POISON_ERRORS_MAX, ((nowMs - fromMs) / 60_000) * POISON_ERRORS_PER_MIN),
    })
    this.#cures.set(unit.name, () => (unit.ailment = () => ({ slowness: 1, errorShare: 0 })))
  }

  /** Started anew, it is as it was. */
  cure(unit: UnitName): void {
    this.#cures.get(unit)?.()
    this.#cures.delete(unit)
  }

  noticed(unit: UnitName, by: 'pain' | 'finding', nowMs: number): void {
    const { liar, poison } = this
    if (by === 'finding' && unit === `ledger-${liar.site}` && nowMs >= liar.fromMs && !this.#noticedMs.has('liar')) {
      this.#noticedMs.set('liar', nowMs)
    }
    if (by === 'pain' && unit === `ledger-${poison.site}` && nowMs >= poison.fromMs && !this.#noticedMs.has('poison')) {
      this.#noticedMs.set('poison', nowMs)
    }
  }

  /** From its beginning; until the end of the life when nobody did. */
  noticedAfterMs(what: 'liar' | 'poison'): number {
    return (this.#noticedMs.get(what) ?? LIFE_MS) - this[what].fromMs
  }
}
