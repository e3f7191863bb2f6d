import type { Multiaddr } from '@multiformats/multiaddr'
import { SEEN_FROM_MAX } from './constants.ts'

/** Where members see this node come from: the other side of its NAT, which it cannot see itself. */
export class SeenFrom {
  /** Latest last. */
  readonly #hosts = new Set<string>()

  /** As multiaddrs without a port: `/ip4/192.0.2.7`. */
  get hosts(): Iterable<string> {
    return this.#hosts
  }

  add(address: Multiaddr): void {
    const host = /^\/ip[46]\/[^/]+/.exec(address.toString())?.[0]
    if (host === undefined) return
    this.#hosts.delete(host)
    this.#hosts.add(host)
    const [oldest = ''] = this.#hosts
    if (this.#hosts.size > SEEN_FROM_MAX) this.#hosts.delete(oldest)
  }
}
