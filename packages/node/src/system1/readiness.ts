import type { PeerIdString, UnitName } from '@vsmcp/kernel'
import type { Unit } from '@vsmcp/mcp'
import type { SharedState } from '@vsmcp/state'
import { z } from 'zod'
import type { Members } from '../members/members.ts'
import type { LocalUnits } from './local-units.ts'

/** What a node says of its units that take no calls, as a hint beside the shared document. */
const hintSchema = z.looseObject({ notReady: z.array(z.string()).max(256) })

const NONE: ReadonlySet<UnitName> = new Set()

export interface ReadinessComponents {
  self: PeerIdString
  units: Pick<LocalUnits, 'list' | 'get' | 'on'>
  members: Pick<Members, 'isAlive'>
  /** Whether a peer's credential is good for more than its renewal. */
  isInForce: (peer: PeerIdString) => boolean
  state: Pick<SharedState, 'hints' | 'setHint' | 'on'>
}

/** Which units take calls now: this node's own by looking, those of others by what their nodes said last. */
export class Readiness {
  readonly #c: ReadinessComponents
  /** By node, read when it is first asked for. */
  readonly #notReady = new Map<PeerIdString, ReadonlySet<UnitName>>()
  #isDraining = false

  constructor(components: ReadinessComponents) {
    this.#c = components
    components.units.on('unit:state', () => this.#tell())
    components.units.on('unit:gone', () => this.#tell())
    components.state.on('hinted', ({ peers }) => {
      for (const peer of peers) this.#notReady.delete(peer)
    })
  }

  isReady({ unit, node }: { unit: UnitName; node: PeerIdString }): boolean {
    const { self, units, members, isInForce } = this.#c
    if (node === self) return this.#takesCalls(units.get(unit))
    return members.isAlive(node) && !this.#notReadyAt(node).has(unit) && isInForce(node)
  }

  /** This node is stopping: its units take nothing new, and the others are told. */
  drain(): void {
    this.#isDraining = true
    this.#tell()
  }

  #takesCalls(unit: Unit | undefined): boolean {
    return unit?.state === 'ready' && !unit.isSuspect && !this.#isDraining
  }

  #tell(): void {
    const notReady = this.#c.units.list().flatMap((unit) => (this.#takesCalls(unit) ? [] : [unit.name]))
    this.#c.state.setHint({ notReady })
  }

  #notReadyAt(node: PeerIdString): ReadonlySet<UnitName> {
    const known = this.#notReady.get(node)
    if (known !== undefined) return known
    const hint = hintSchema.safeParse(this.#c.state.hints().get(node))
    const read = hint.success ? new Set(hint.data.notReady) : NONE
    this.#notReady.set(node, read)
    return read
  }
}
