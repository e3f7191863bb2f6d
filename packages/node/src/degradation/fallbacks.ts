import { isDeepStrictEqual } from 'node:util'
import { type GroupState, isProvider } from '@vsmcp/consensus'
import { type Logger, type PeerIdString, telemetry, type UnitName } from '@vsmcp/kernel'
import type { McpReply } from '@vsmcp/mcp'
import type { JsonValue, SharedRecord, SharedState } from '@vsmcp/state'
import type { ToolEntry } from '../catalog/catalog.ts'
import type { FallbackAnswers } from './contract.ts'
import { isRefusal } from '../route/call-watch.ts'
import type { LocalUnits } from '../system1/local-units.ts'
import { Mender } from '../system1/mender.ts'
import { fallbacksSchema } from './checked-fallbacks.ts'
import { SYNTHETIC, SYNTHETIC_REASON } from './synthetic.ts'

/** Collection of the shared document that holds what stands in for answers of units, by unit name. */
export const FALLBACKS_COLLECTION = 'fallbacks'

const answers = telemetry('vsmcp:mcp:synthetic_answer')

export interface FallbacksComponents {
  state: SharedState
  group: () => GroupState | undefined
  self: PeerIdString
  logger: Logger
}

/** A record never changes: what was read of it once stands. */
const read = new WeakMap<SharedRecord, FallbackAnswers>()

/**
 * Answers that units declared for when they cannot answer themselves: of read-only tools alone, kept by every node, so that they are there
 * when the unit's node is not.
 */
export class Fallbacks {
  readonly #c: FallbacksComponents
  readonly #mender: Mender
  #given = 0

  constructor(components: FallbacksComponents) {
    this.#c = components
    this.#mender = new Mender(components.logger)
  }

  /** Calls that were answered so, since the node started. */
  get given(): number {
    return this.#given
  }

  /** What stands in for the answer of a tool whose unit could not be asked; undefined when nothing does. */
  insteadOf({ unit, name, definition }: ToolEntry, error: unknown): McpReply | undefined {
    if (!isRefusal(error) || definition.annotations?.readOnlyHint !== true) return undefined
    const fallbacks = this.#of(unit)
    if (fallbacks === undefined || !Object.hasOwn(fallbacks, name)) return undefined
    const result = fallbacks[name]
    this.#given++
    const { code, message } = error
    if (answers.hasSubscribers) answers.publish({ unit, tool: name, code })
    const _meta = { ...result?._meta, [SYNTHETIC]: true, [SYNTHETIC_REASON]: `${code}: ${message}` }
    return { era: 'legacy', resultJson: JSON.stringify({ ...result, _meta }) }
  }

  /** Brings what the group knows to what units of this node declare. */
  mend(units: Pick<LocalUnits, 'attached' | 'fallbacksOf'>): void {
    const { state, self, group } = this.#c
    const docket = group()
    const declaring = new Set<UnitName>()
    for (const { name } of units.attached()) {
      const fallbacks = units.fallbacksOf(name)
      if (fallbacks === undefined) continue
      declaring.add(name)
      if (docket === undefined || !isProvider(docket, name, self)) continue
      const known = state.get(FALLBACKS_COLLECTION, name, self)
      if (known !== undefined && isDeepStrictEqual(known.value, fallbacks)) continue
      this.#mender.mend(name, async () => void (await state.put(FALLBACKS_COLLECTION, name, fallbacks as JsonValue)))
    }
    for (const { key, writer } of state.entries(FALLBACKS_COLLECTION, { allWriters: true })) {
      if (writer !== self || declaring.has(key)) continue
      this.#mender.mend(key, async () => void (await state.remove(FALLBACKS_COLLECTION, key)))
    }
  }

  /** Of one of its providers, the same one on every node. */
  #of(unit: UnitName): FallbackAnswers | undefined {
    const record = this.#c.state.get(FALLBACKS_COLLECTION, unit)
    if (record === undefined) return undefined
    let known = read.get(record)
    if (known === undefined) {
      const parsed = fallbacksSchema.safeParse(record.value)
      known = parsed.success ? parsed.data : {}
      read.set(record, known)
    }
    return known
  }
}
