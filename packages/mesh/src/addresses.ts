import { peerIdFromString } from '@libp2p/peer-id'
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { messageOf, type PeerIdString } from '@vsmcp/kernel'
import { AddressError } from './errors.ts'

const HINT = 'Write it like /ip4/10.0.0.7/tcp/4950, /dns4/example.org/tcp/4950 or, for a WebSocket, /ip4/10.0.0.7/tcp/4952/ws.'
const HOSTS = /^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d+(?:\/ws|\/wss|\/tls\/(?:sni\/[^/]+\/)?ws)?$/

/** Reads a multiaddr of TCP or of a WebSocket, with or without `/p2p/…`; throws `AddressError`. */
export function parseAddress(text: string): Multiaddr {
  let address: Multiaddr
  try {
    address = multiaddr(text)
  } catch (cause) {
    throw new AddressError(`"${text}" is not a multiaddr: ${messageOf(cause)}`, { hint: HINT, cause })
  }
  if (!HOSTS.test(address.decapsulateCode(CODE_P2P).toString())) {
    throw new AddressError(`"${text}" is no address of TCP or of a WebSocket`, { hint: HINT })
  }
  return address
}

/** Reads an address to listen on; throws `AddressError`. TLS is the business of a proxy before the node. */
export function parseListenAddress(text: string): Multiaddr {
  const address = parseAddress(text)
  if (!/\/(?:tls|wss)\b/.test(text)) return address
  throw new AddressError(`a node cannot listen on "${text}": it has no certificate`, {
    hint: 'Listen on …/ws behind a proxy that ends TLS, and name the address of the proxy with --advertise.',
  })
}

/** The identity an address names. */
export function peerOf(address: Multiaddr): PeerIdString | undefined {
  return address.getComponents().findLast(({ code }) => code === CODE_P2P)?.value
}

/** The address with the identity that is expected there. */
export function withPeer(address: Multiaddr, peer: PeerIdString | undefined): Multiaddr {
  if (peer === undefined || peerOf(address) !== undefined) return address
  return address.encapsulate(`/p2p/${peerIdFromString(peer).toString()}`)
}
