/**
 * The network of a node: libp2p 3 (tcp, noise, yamux, identify, gossipsub) behind a gate. A connection carries nothing
 * but `/vsmcp/hello/1` and `/vsmcp/join/1` until both sides have verified each other's hello; then it offers three planes
 * of multiplexed requests and the group's gossip.
 *
 * ```ts
 * const mesh = createMesh({ listen: ['/ip4/0.0.0.0/tcp/4950'] })({ privateKey, hello, clock, random, logger })
 * await mesh.start()
 * const peer = await mesh.dial(['/ip4/10.0.0.7/tcp/4950'], { expect: '12D3KooW…' })
 * const answer = await mesh.rpc.call(peer.peer, 'tools/call', payload, { deadlineMs: 5_000 })
 * ```
 */
import type { Mesh, MeshComponents, MeshInit } from './contract.ts'
import { Libp2pMesh } from './mesh.ts'

export {
  DEFAULT_LISTEN,
  DEFAULT_P2P_PORT,
  FRAME_LENGTH_MAX,
  GOSSIP_LENGTH_MAX,
  JOIN_LENGTH_MAX,
  WIRE_RANGE,
} from './constants.ts'
export type * from './contract.ts'
export * from './errors.ts'
export { checkPnetKey, newPnetKey } from './private-network.ts'

/** Fails at construction when a component is missing or the private key is not an Ed25519 key. */
export const createMesh =
  (init: MeshInit = {}) =>
  <Info>(components: MeshComponents<Info>): Mesh<Info> =>
    new Libp2pMesh(init, components)
