import type { GroupPlace, GroupState } from '@vsmcp/consensus'
import type { GroupId } from '@vsmcp/kernel'
import { type Chain, charterDigest } from '@vsmcp/security'
import type { ParentRecord } from '@vsmcp/vsm'

export interface OwnPlaceComponents {
  chain: () => Chain
  state: () => Pick<GroupState, 'place'> | undefined
  /** What the group above said last. */
  heard: () => Pick<ParentRecord, 'path' | 'lineage'> | undefined
}

/** Where a group stands: as it has decided by its last move, else where it was founded. Its chain of voters stays that of its founding. */
export class OwnPlace {
  readonly #c: OwnPlaceComponents

  constructor(components: OwnPlaceComponents) {
    this.#c = components
  }

  /** The group above; undefined for the root. */
  get parent(): GroupId | undefined {
    return this.moved?.parent ?? this.#c.chain().parent?.group
  }

  /** Its last move; undefined while it stands where it was founded. */
  get moved(): GroupPlace | undefined {
    return this.#c.state()?.place
  }

  /** Hex SHA-256 of its first charter: what the groups above list it with. */
  get charterDigest(): string {
    return charterDigest(this.#c.chain().firstCharter.charter)
  }

  /** How often it was moved. */
  get move(): number {
    return this.moved?.move ?? 0
  }

  /** As the groups above name it, or last did, else as it was moved or founded. */
  get path(): string {
    return this.#c.heard()?.path ?? this.moved?.path ?? this.#c.chain().path
  }

  /** Ids from the root to the group itself. */
  get lineage(): readonly GroupId[] {
    const chain = this.#c.chain()
    const above = this.#c.heard()?.lineage ?? this.moved?.lineage
    return above === undefined ? lineageOf(chain) : [...above, chain.group]
  }
}

function lineageOf(chain: Chain): GroupId[] {
  return chain.parent === undefined ? [chain.group] : [...lineageOf(chain.parent), chain.group]
}
