import type { GroupId, PeerIdString } from '@vsmcp/kernel'
import type { SharedState } from '@vsmcp/state'
import { z } from 'zod'

/** Collection of a group's document in which members say that they have a seat in the group above; the key is their PeerId. */
export const DELEGATES_COLLECTION = 'delegates'

const schema = z.looseObject({ parent: z.string().max(64) })

/** Who of a group's members has a seat in the group above, as they say themselves: a hint of whom to ask, which grants nothing. */
export class Delegates {
  readonly #state: SharedState
  readonly #self: PeerIdString
  readonly #isAlive: (peer: PeerIdString) => boolean

  constructor(components: { state: SharedState; self: PeerIdString; isAlive: (peer: PeerIdString) => boolean }) {
    this.#state = components.state
    this.#self = components.self
    this.#isAlive = components.isAlive
  }

  /** Resolves when it is written, or was so before. */
  async announce(parent: GroupId | undefined): Promise<void> {
    const said = this.#read(this.#self)
    if (said === parent) return
    if (parent === undefined) await this.#state.remove(DELEGATES_COLLECTION, this.#self)
    else await this.#state.put(DELEGATES_COLLECTION, this.#self, { parent })
  }

  /** Those that can be reached now first, each time the same of them: connections and caches stay warm. */
  of(parent: GroupId | undefined): PeerIdString[] {
    if (parent === undefined) return []
    const all = this.#state.entries(DELEGATES_COLLECTION).map(({ key }) => key)
    const said = all.filter((peer) => this.#read(peer) === parent)
    return [...said.filter((peer) => this.#isAlive(peer)), ...said.filter((peer) => !this.#isAlive(peer))]
  }

  #read(peer: PeerIdString): GroupId | undefined {
    const record = this.#state.get(DELEGATES_COLLECTION, peer, peer)
    const said = schema.safeParse(record?.value)
    return said.success ? said.data.parent : undefined
  }
}
