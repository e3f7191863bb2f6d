import { setImmediate } from 'node:timers/promises'
import { type Clock, isoTime, type PeerIdString, type Plane, type UnitName } from '@vsmcp/kernel'
import { MEASURES, type Measure, type SeriesOutlook } from '@vsmcp/vsm'
import { pack, unpack } from 'msgpackr'
import { z } from 'zod'
import type { Catalog } from '../catalog/catalog.ts'
import { UNIT_QUERY_DEADLINE_MS } from '../constants.ts'
import { UnitUnknownError } from '../errors.ts'
import type { Members } from '../members/members.ts'
import type { LocalUnits } from '../system1/local-units.ts'
import { SCAN_PERIOD_MS } from './constants.ts'
import type { ForecastRequest, ForecastView, TurnView } from './contract.ts'
import type { HeardTurn, Scanner } from './scanner.ts'

const FORECAST = 'system4:forecast'

const finite = z.number()
const share = finite.min(0).max(1 + 1e-6)
const posterior = z.object({ 'no-change': share, step: share, slope: share, transient: share })
const measure = z.enum(Object.keys(MEASURES) as [Measure, ...Measure[]])
const name = z.string().max(1_024)

/** What another node answers about a unit of its own. */
const answerSchema = z.object({
  series: z
    .array(
      z.object({
        subject: name,
        measure,
        observed: z.int().nonnegative(),
        last: finite.nullable(),
        level: finite.nullable(),
        slope: finite.nullable(),
        ahead: z.array(z.object({ ahead: z.int().positive(), mean: finite, low: finite, high: finite })).max(16),
        current: posterior,
        settled: posterior,
        skill: z.object({ forecasts: z.int().positive(), meanError: finite, naiveMeanError: finite, bandHeld: share }).nullable(),
      }),
    )
    .max(16),
  turns: z
    .array(
      z.object({
        at: z.iso.datetime(),
        subject: name,
        measure: name,
        change: z.enum(['step', 'slope']),
        probability: share,
        from: finite.nullable(),
        to: finite.nullable(),
      }),
    )
    .max(256),
})

const questionSchema = z.string().max(64)

export interface ForecastDeskComponents {
  self: PeerIdString
  scanner: Scanner
  units: LocalUnits
  catalog: Catalog
  members: Pick<Members, 'isAlive'>
  control: Plane
  nameOf: (peer: PeerIdString) => string
  clock: Clock
}

/** What System 4 expects, for who asks: of this node by looking, of a unit of another by asking its node. */
export class ForecastDesk {
  readonly #c: ForecastDeskComponents

  constructor(components: ForecastDeskComponents) {
    this.#c = components
    components.control.handle(FORECAST, async ({ payload }) => pack(await this.#of(questionSchema.parse(unpack(payload)))))
  }

  /** Throws `UnitUnknownError`, and what the plane throws when the unit's node does not answer. */
  async forecast({ unit }: ForecastRequest): Promise<ForecastView> {
    const { self, units, catalog, members, nameOf } = this.#c
    const tickMs = SCAN_PERIOD_MS
    if (unit === undefined || units.get(unit) !== undefined) return { tickMs, nodeName: nameOf(self), ...(await this.#of(unit)) }
    const entry = catalog.units.find((each) => each.unit === unit)
    if (entry === undefined) {
      throw new UnitUnknownError(`no unit ${unit} is attached in this group`, { hint: 'List what there is with `vsmcp units`.' })
    }
    const node = entry.callable.find((each) => members.isAlive(each)) ?? entry.node
    return { tickMs, nodeName: nameOf(node), ...(await this.#ask(node, unit)) }
  }

  turns(subject?: string): TurnView[] {
    const turns = this.#c.scanner.turns.filter((turn) => subject === undefined || turn.subject === subject)
    return turns.map((turn) => viewOf(turn))
  }

  /** All series of this node, the loop left to others after each subject: a thousand take a second or two. */
  async series(horizons?: readonly number[]): Promise<SeriesOutlook[]> {
    const { scanner } = this.#c
    const series: SeriesOutlook[] = []
    for (const subject of scanner.subjects) {
      series.push(...scanner.view(subject, horizons))
      await setImmediate()
    }
    return series
  }

  async #of(unit: UnitName | undefined): Promise<Pick<ForecastView, 'series' | 'turns'>> {
    const series = unit === undefined ? await this.series() : this.#c.scanner.view(unit)
    return { series: series.map(({ ahead, ...each }) => ({ ...each, ahead: [...ahead] })), turns: this.turns(unit) }
  }

  async #ask(node: PeerIdString, unit: UnitName): Promise<Pick<ForecastView, 'series' | 'turns'>> {
    const reply = await this.#c.control.call(node, FORECAST, pack(unit), { deadlineMs: UNIT_QUERY_DEADLINE_MS })
    return answerSchema.parse(unpack(reply))
  }
}

function viewOf({ atMs, subject, measure: of, change, probability, from, to }: HeardTurn): TurnView {
  return { at: isoTime(atMs), subject, measure: of, change, probability, from, to }
}
