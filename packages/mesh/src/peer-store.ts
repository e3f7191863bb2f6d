import type { Peer, PeerId, PeerStore } from '@libp2p/interface'

/**
 * Makes libp2p remember nothing of others. It writes down each protocol of each stream, behind a lock, and keeps whoever ever
 * connected; here the hello says where a peer is, and the membership remembers it.
 */
export function forgetOthers(peerStore: PeerStore, self: PeerId): PeerStore {
  const patch = peerStore.patch.bind(peerStore)
  const merge = peerStore.merge.bind(peerStore)
  peerStore.patch = async (peer, data, options) => (peer.equals(self) ? patch(peer, data, options) : nothingOf(peer))
  peerStore.merge = async (peer, data, options) => (peer.equals(self) ? merge(peer, data, options) : nothingOf(peer))
  return peerStore
}

function nothingOf(id: PeerId): Peer {
  return { id, addresses: [], protocols: [], metadata: new Map(), tags: new Map() }
}
