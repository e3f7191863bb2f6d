import { canonicalBytes, type GroupState, policyVersionOf } from '@vsmcp/consensus'
import { type Clock, type GroupId, type Logger, messageOf, type PeerIdString } from '@vsmcp/kernel'
import type { Chain } from '@vsmcp/security'
import {
  type Followed,
  foldFigures,
  type GroupFigures,
  type GroupNow,
  type GroupVariety,
  type RecordAlert,
  ToolFilter,
  type UnitReport,
  varietyOf,
} from '@vsmcp/vsm'
import { nameOfSystem } from '../algedonic/docket-alert.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { GROUP_VARIETY_PERIOD_MS, REPORT_PERIOD_MS } from '../constants.ts'
import type { Members } from '../members/members.ts'
import { sha256Hex } from '../sha256.ts'
import type { Operations } from '../system1/operations.ts'
import type { CallVariety } from '../variety/call-variety.ts'
import { exportsOf } from './exports.ts'
import type { OwnPlace } from './own-place.ts'

export interface OwnAccountComponents {
  self: PeerIdString
  group: GroupId
  chain: () => Chain
  place: Pick<OwnPlace, 'lineage'>
  catalog: Catalog
  operations: Operations
  variety: Pick<CallVariety, 'ofGroup'>
  members: Pick<Members, 'list' | 'isAlive'>
  clock: Clock
  logger: Logger
}

/** What no unit did. */
const IDLE: GroupFigures = {
  windowMs: REPORT_PERIOD_MS,
  calls: 0,
  errors: 0,
  turnedAway: 0,
  inFlight: 0,
  queued: 0,
  latencyMs: null,
  actuality: 0,
  capability: null,
  potentiality: null,
}

interface Offered {
  readonly version: number
  readonly tools: ToolFilter
  readonly exports: string
}

/** What a leader can say of its group without what is below it: all computed from what this node holds. */
export class OwnAccount {
  readonly #c: OwnAccountComponents
  #variety: GroupVariety = varietyOf([])
  #askedMs = Number.NEGATIVE_INFINITY
  #offered: Offered | undefined
  #charter: { readonly charter: GroupState['charter']; readonly digest: string } | undefined

  constructor(components: OwnAccountComponents) {
    this.#c = components
  }

  /** Asks the members for their counts of calls, now and then; what they say is in the next account. */
  refresh(): void {
    const { variety, members, self, clock, logger } = this.#c
    const nowMs = clock.monotonicMs()
    if (nowMs - this.#askedMs < GROUP_VARIETY_PERIOD_MS) return
    this.#askedMs = nowMs
    const peers = members.list().flatMap(({ peer }) => (peer !== self && members.isAlive(peer) ? [peer] : []))
    variety.ofGroup(peers).then(
      ({ figures }) => {
        const { calls, outcomes, demandBits, responseBits, outcomeBits, residualBits } = figures
        this.#variety = { calls, outcomes: { ...outcomes }, demandBits, responseBits, outcomeBits, residualBits }
      },
      (error: unknown) => logger.debug({ error: messageOf(error) }, 'the variety of the group could not be measured'),
    )
  }

  /** @param followed how it follows what it is told from above */
  now(state: GroupState, path: string, followed: readonly Followed[]): GroupNow {
    const { group, operations, chain, place } = this.#c
    const { charter, members, groups } = state
    const below = new Set(groups.entries().map(([, { name }]) => name))
    const own = operations.windows().filter(({ unit }) => !below.has(unit))
    const { tools, exports } = this.#offers(below)
    return {
      path,
      members: Math.max(
        1,
        members.entries().filter(([peer, { delegateOf }]) => delegateOf === undefined && peer !== founderOf(chain())).length,
      ),
      figures: foldFigures([IDLE, ...own.map(figuresOf)]),
      variety: this.#variety,
      alerts: alertsOf(state, group, below),
      exports,
      tools,
      evictions: charter.revocations.map(({ peer, untilMs, atMs }) => ({ peer, group, atMs, untilMs })),
      lineage: [...place.lineage],
      charter: { version: policyVersionOf(charter), digest: this.#digestOf(charter) },
      followed,
    }
  }

  #offers(below: ReadonlySet<string>): Offered {
    const { catalog } = this.#c
    const { version } = catalog.listing
    if (this.#offered?.version !== version) {
      const own = catalog.tools.filter(({ unit }) => !below.has(unit))
      const tools = ToolFilter.of(own.flatMap(({ exposedName, qualifiedName }) => [exposedName, qualifiedName]))
      this.#offered = { version, tools, exports: sha256Hex(Buffer.from(JSON.stringify(exportsOf(catalog)))) }
    }
    return this.#offered
  }

  #digestOf(charter: GroupState['charter']): string {
    if (this.#charter?.charter !== charter) this.#charter = { charter, digest: sha256Hex(canonicalBytes(charter)) }
    return this.#charter.digest
  }
}

/** Who founded a group below another is its guest, and at home above. */
export function founderOf({ parent, eras }: Chain): PeerIdString | undefined {
  return parent === undefined ? undefined : eras[0]?.voters[0]
}

function figuresOf({ windowMs, calls, errors, inFlight, latencyP50Ms, measured }: UnitReport): GroupFigures {
  return {
    windowMs,
    calls,
    errors,
    turnedAway: Math.min(errors, measured?.turnedAway ?? 0),
    inFlight,
    queued: measured?.queued ?? 0,
    latencyMs: latencyP50Ms,
    actuality: measured?.actuality ?? 0,
    capability: measured?.capability ?? null,
    potentiality: measured?.potentiality ?? null,
  }
}

/** What is open in the group itself: what climbed from a group below is in that one's record. */
function alertsOf({ alerts }: GroupState, group: GroupId, below: ReadonlySet<string>): RecordAlert[] {
  return alerts.entries().flatMap(([id, { feeling, severity, origin, system, unit, subject, onsetMs, acknowledged, closed }]) => {
    if (closed !== undefined || feeling !== 'pain' || (unit !== undefined && below.has(unit))) return []
    const known = nameOfSystem(system) ? system : 'system5'
    const of = unit === undefined ? {} : { unit }
    return [{ id, severity, system: known, origin, ...of, subject, onsetMs, isAcknowledged: acknowledged !== undefined, group }]
  })
}
