import { peerIdFromString } from '@libp2p/peer-id'
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { messageOf, type PeerIdString } from '@vsmcp/kernel'
import { AddressError } from './errors.ts'

const HINT = 'Write it like /ip4/10.0.0.7/tcp/4950, /ip6/::1/tcp/4950 or /dns4/example.org/tcp/4950.'
const HOSTS = /^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d+$/

/** Reads a TCP multiaddr, with or without `/p2p/…`; throws `AddressError`. */
export function parseAddress(text: string): Multiaddr {
  let address: Multiaddr
  try {
    address = multiaddr(text)
  } catch (cause) {
    throw new AddressError(`"${text}" is not a multiaddr: ${messageOf(cause)}`, { hint: HINT, cause })
  }
  if (!HOSTS.test(address.decapsulateCode(CODE_P2P).toString())) {
    throw new AddressError(`"${text}" is not a TCP address`, { hint: HINT })
  }
  return address
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
