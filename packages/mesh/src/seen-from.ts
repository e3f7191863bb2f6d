import { SEEN_FROM_MAX } from './constants.ts'

const HOST = /^\/ip[46]\/[0-9a-fA-F.:]{2,45}(?=\/|$)/

/** Where members see this node come from: the other side of its NAT, which it cannot see itself. */
export class SeenFrom {
  /** Latest last. */
  readonly #hosts = new Set<string>()

  /** As multiaddrs without a port: `/ip4/192.0.2.7`. */
  get hosts(): Iterable<string> {
    return this.#hosts
  }

  /** @param address as a member says it; what is none is left out */
  add(address: string): void {
    const host = HOST.exec(address)?.[0]
    if (host === undefined) return
    this.#hosts.delete(host)
    this.#hosts.add(host)
    const [oldest = ''] = this.#hosts
    if (this.#hosts.size > SEEN_FROM_MAX) this.#hosts.delete(oldest)
  }
}
