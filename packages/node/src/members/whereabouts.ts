import { type Logger, messageOf } from '@vsmcp/kernel'
import type { Mesh } from '@vsmcp/mesh'
import type { VerifiedPassport } from '@vsmcp/security'
import type { SharedState } from '@vsmcp/state'
import { z } from 'zod'
import type { Members } from './members.ts'

/** Collection of the shared document in which each node says where it is; the key is its PeerId. */
export const NODES_COLLECTION = 'nodes'

const schema = z.looseObject({ addresses: z.array(z.string().max(256)).max(16) })

export interface WhereaboutsComponents {
  mesh: Mesh<VerifiedPassport>
  members: Members
  state: SharedState
  logger: Logger
}

/**
 * Members that moved find each other through any member that both know: addresses travel in the shared document, signed
 * by whose they are, and need no System 5, which may be just what these members have to connect for.
 */
export class Whereabouts {
  readonly #c: WhereaboutsComponents

  constructor(components: WhereaboutsComponents) {
    this.#c = components
  }

  /** All parts run: says where this node is, and reads what others said before. */
  started(): void {
    const { mesh, state, logger } = this.#c
    const failed = (error: unknown): void => logger.warn({ error: messageOf(error) }, 'this node could not say where it is')
    state.put(NODES_COLLECTION, mesh.peerId, { addresses: mesh.listenAddresses() }).catch(failed)
    this.heard(state.entries(NODES_COLLECTION).map(({ key }) => key))
  }

  heard(peers: readonly string[]): void {
    const { mesh, members, state } = this.#c
    for (const peer of peers) {
      const record = state.get(NODES_COLLECTION, peer)
      const said = schema.safeParse(record?.value)
      if (peer !== mesh.peerId && record?.writer === peer && said.success) members.heardOf(peer, said.data.addresses)
    }
  }
}
