import type { PeerIdString } from '@vsmcp/kernel'
import type { SharedStateComponents, SharedStateInit } from './index.ts'

/** Who may be read. Asked at every reading: the answers change with membership and the docket. */
export interface Rules {
  isMember: (peer: PeerIdString) => boolean
  mayWrite: (collection: string, key: string, writer: PeerIdString) => boolean
}

/** Records of this collection describe their writer: the key is its PeerId, whatever the docket says. */
const NODES = 'nodes'

export function rulesOf(init: SharedStateInit, components: SharedStateComponents): Rules {
  const { mayWrite = () => true } = init
  const self = components.signer.peerId
  return {
    isMember: (peer) => peer === self || components.isMember(peer),
    mayWrite: (collection, key, writer) => (collection !== NODES || key === writer) && mayWrite(collection, key, writer),
  }
}
