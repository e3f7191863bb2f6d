import {
  type Clock,
  type Logger,
  messageOf,
  type PeerIdString,
  type Plane,
  type Startable,
  telemetry,
  type Timer,
} from '@vsmcp/kernel'
import {
  type Count,
  COUNTS_GIVEN_MAX,
  TOOL_NAME_LENGTH_MAX,
  OUTCOMES,
  type VarietyFigures,
  VARIETY_SLOT_MS,
  VARIETY_SLOTS,
  type MeterSnapshot,
  VarietyMeter,
  varietyOf,
} from '@vsmcp/vsm'
import { pack, unpack } from 'msgpackr'
import { z } from 'zod'
import type { Catalog } from '../catalog/catalog.ts'
import { UNIT_QUERY_DEADLINE_MS } from '../constants.ts'
import type { Keeping } from '../tree/checkpoint.ts'

import type { CalledTool } from '../route/call-watch.ts'

const COUNTS = 'variety:counts'

/** With a thousand kinds of calls in the window the sum takes some milliseconds. */
const COUNTS_KEPT_MS = 1_000

const WINDOW_MS = VARIETY_SLOT_MS * VARIETY_SLOTS

const calculations = telemetry('vsmcp:variety:calculation')

const nameSchema = z.string().max(1_024)
const countsSchema = z
  .array(
    z.object({
      demand: nameSchema,
      response: nameSchema,
      outcome: z.enum(OUTCOMES),
      calls: z
        .int()
        .min(1)
        .max(2 ** 40),
    }),
  )
  .max(COUNTS_GIVEN_MAX)

export interface CallVarietyComponents {
  self: PeerIdString
  name: () => string
  groupPath: string
  catalog: Catalog
  control: Plane
  /** What a life of it leaves to the next. */
  checkpoint: Keeping<MeterSnapshot>
  clock: Clock
  logger: Logger
}

export interface GroupVariety {
  figures: VarietyFigures
  /** Nodes whose counts are in it, and those that did not give theirs. */
  nodes: number
  silent: number
}

/** Ashby's measure of what is asked at this node, and with the other nodes' counts of the whole group. Says what is asked for in vain. */
export class CallVariety implements Startable {
  readonly #c: CallVarietyComponents
  #meter = new VarietyMeter()
  #counts: { atMs: number; counts: readonly Count[] } | undefined
  #timer: Timer | undefined
  #off: (() => void) | undefined

  constructor(components: CallVarietyComponents) {
    this.#c = components
    components.control.handle(COUNTS, async () => pack(this.#given()))
  }

  async start(): Promise<void> {
    const { checkpoint, clock, catalog } = this.#c
    const kept = await checkpoint.begin(() => this.#meter.snapshot())
    this.#meter = new VarietyMeter(kept?.state)
    this.#counts = undefined
    this.#timer = clock.every(VARIETY_SLOT_MS, () => this.#tick())
    this.#off = catalog.onChanged((kinds) => {
      if (kinds.has('tools')) this.#meter.offered(catalog.tools.flatMap((tool) => [tool.exposedName, tool.qualifiedName]))
    })
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#off?.()
    await this.#c.checkpoint.end()
  }

  called({ tool, target, outcome }: CalledTool): void {
    const response = target === undefined ? null : `${target.unit}/${target.name}`
    const call = { demand: tool.slice(0, TOOL_NAME_LENGTH_MAX), response, unit: target?.unit ?? null, outcome }
    for (const { request } of this.#meter.step(call, this.#c.clock.wallMs())) {
      this.#c.logger.info({ ...request }, 'a capability is asked for in vain')
    }
  }

  get meter(): VarietyMeter {
    return this.#meter
  }

  /** Of the calls made at this node. */
  figures(): VarietyFigures {
    return this.#meter.figures(this.#c.clock.wallMs())
  }

  /** Of the calls made at all nodes that answer. */
  async ofGroup(peers: readonly PeerIdString[]): Promise<GroupVariety> {
    const { control, logger } = this.#c
    const answers = await Promise.all(
      peers.map(async (peer) => {
        try {
          const reply = await control.call(peer, COUNTS, new Uint8Array(), { deadlineMs: UNIT_QUERY_DEADLINE_MS })
          return countsSchema.parse(unpack(reply))
        } catch (error) {
          logger.debug({ node: peer, error: messageOf(error) }, 'a node did not give its counts of calls')
          return undefined
        }
      }),
    )
    const given = answers.filter((answer) => answer !== undefined)
    const figures = varietyOf([...this.#given(), ...given.flat()])
    const group = { figures, nodes: 1 + given.length, silent: peers.length - given.length }
    this.#publish('group', this.#c.groupPath, figures)
    return group
  }

  /** Put together at most once a second, however many members ask. */
  #given(): readonly Count[] {
    const { clock } = this.#c
    const nowMs = clock.monotonicMs()
    if (this.#counts === undefined || nowMs - this.#counts.atMs >= COUNTS_KEPT_MS) {
      const counts = this.#meter.counts(clock.wallMs()).sort((a, b) => b.calls - a.calls)
      this.#counts = { atMs: nowMs, counts: counts.slice(0, COUNTS_GIVEN_MAX) }
    }
    return this.#counts.counts
  }

  #tick(): void {
    this.#meter.tick(this.#c.clock.wallMs())
    if (calculations.hasSubscribers) this.#tell()
  }

  /** Of the node, and of each unit by what its tools were asked for here. */
  #tell(): void {
    this.#publish('node', this.#c.name(), this.figures())
    const byUnit = new Map<string, Count[]>()
    for (const count of this.#given()) {
      const [unit = ''] = count.response.split('/', 1)
      if (count.response.includes('/')) byUnit.set(unit, [...(byUnit.get(unit) ?? []), count])
    }
    for (const [unit, counts] of byUnit) this.#publish('unit', unit, varietyOf(counts))
  }

  #publish(level: 'unit' | 'node' | 'group', name: string, figures: VarietyFigures): void {
    if (!calculations.hasSubscribers) return
    const { calls: events, demandBits, responseBits, residualBits } = figures
    calculations.publish({ level, name, windowMs: WINDOW_MS, events, demandBits, responseBits, residualBits })
  }
}
