import type { LifeFigures } from './life.ts'
import type { VariantName } from './variant.ts'

export interface Metric {
  readonly key: string
  readonly name: string
  readonly unit: '%' | 's' | '/h'
  readonly isMoreBetter: boolean
  readonly of: (life: LifeFigures) => number
}

const share = (key: string, name: string, of: (life: LifeFigures) => number, isMoreBetter = true): Metric => ({
  key,
  name,
  unit: '%',
  isMoreBetter,
  of: (life) => 100 * of(life),
})

const time = (key: string, name: string, of: (life: LifeFigures) => number): Metric => ({
  key,
  name,
  unit: 's',
  isMoreBetter: false,
  of,
})

/** What lives are compared by. */
export const METRICS: readonly Metric[] = [
  share('served', 'served', ({ served }) => served),
  share('search', 'search served', ({ servedOf }) => servedOf.search),
  share('quote', 'quote served', ({ servedOf }) => servedOf.quote),
  share('ledger', 'ledger served', ({ servedOf }) => servedOf.ledger),
  share('chat', 'chat served', ({ servedOf }) => servedOf.chat),
  share('cell', 'cell served', ({ servedOf }) => servedOf.cell),
  time('notice-liar', 'liar noticed after', ({ noticedLiarS }) => noticedLiarS),
  time('notice-poison', 'poison noticed after', ({ noticedPoisonS }) => noticedPoisonS),
  time('recover-liar', 'recovered from liar after', ({ recoveredLiarS }) => recoveredLiarS),
  time('recover-poison', 'recovered from poison after', ({ recoveredPoisonS }) => recoveredPoisonS),
  time('recover-loss', 'recovered from lost node after', ({ recoveredLossS }) => recoveredLossS),
  {
    key: 'oscillation',
    name: 'turns of allocations',
    unit: '/h',
    isMoreBetter: false,
    of: ({ turnsPerHour }) => turnsPerHour,
  },
  share('idle', 'capacity idle', ({ idle }) => idle, false),
  share('thrown', 'work thrown away', ({ thrown }) => thrown, false),
]

/** What each organ is there for, named before the first comparison: where it is missing this must be worse, or it has not earned its place. */
export const PURPOSES: Readonly<Record<Exclude<VariantName, 'whole'>, string>> = {
  'without System 2': 'cell',
  "without 3's re-bargaining": 'served',
  'without 3*': 'notice-liar',
  "without 4's forecasts": 'chat',
  'without algedonic': 'notice-poison',
  'without recursion': 'cell',
  'flat (none)': 'served',
}
