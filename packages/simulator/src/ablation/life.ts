import { LIFE_MS, WARM_UP_MS } from './constants.ts'
import { KINDS, type Kind } from './tally.ts'
import type { Organs } from './variant.ts'
import { World } from './world.ts'

/** What the lost node had a part in, but for `search` and `chat`, whose demand comes and goes by itself. */
const LOST_KINDS: readonly Kind[] = ['quote', 'cell']

/** Longest time that a recovery is waited for; after a lost node until before the next thing befalls the mesh. */
const RECOVERY_MAX_MS = 900_000
const LOSS_RECOVERY_MAX_MS = 400_000

/** What one life came to. Shares are of one, times seconds. */
export interface LifeFigures {
  readonly served: number
  readonly servedOf: Readonly<Record<Kind, number>>
  readonly noticedLiarS: number
  readonly noticedPoisonS: number
  readonly recoveredLiarS: number
  readonly recoveredPoisonS: number
  readonly recoveredLossS: number
  readonly turnsPerHour: number
  readonly idle: number
  readonly thrown: number
  readonly attention: number
  readonly restarts: number
  readonly moves: number
  readonly offered: number
}

/** @param untilMs less of it, where not all is looked at. @default the whole life */
export function liveOnce(seed: number, organs: Organs, untilMs: number = LIFE_MS): LifeFigures {
  const world = new World(seed, organs)
  world.timeline.runUntil(untilMs)
  const { tally, incidents, swings } = world
  const { liar, poison, loss } = incidents
  const recovered = (site: number, kinds: readonly Kind[], fromMs: number, withinMs = RECOVERY_MAX_MS): number =>
    tally.recoveredAfterMs(site, kinds, fromMs, withinMs) / 1_000
  return {
    served: tally.servedShare(),
    servedOf: Object.fromEntries(KINDS.map((kind) => [kind, tally.servedShare([kind])])) as Record<Kind, number>,
    noticedLiarS: incidents.noticedAfterMs('liar') / 1_000,
    noticedPoisonS: incidents.noticedAfterMs('poison') / 1_000,
    recoveredLiarS: recovered(liar.site, ['ledger'], liar.fromMs),
    recoveredPoisonS: recovered(poison.site, ['ledger'], poison.fromMs),
    recoveredLossS: recovered(loss.site, LOST_KINDS, loss.fromMs, LOSS_RECOVERY_MAX_MS),
    turnsPerHour: swings.perHour(untilMs - WARM_UP_MS),
    idle: world.idleShare,
    thrown: tally.thrownShare,
    attention: world.busyMs / untilMs,
    restarts: incidents.restarts,
    moves: incidents.moves,
    offered: KINDS.reduce((sum, kind) => sum + tally.totals(kind).offered, 0),
  }
}
