import { type PeerIdString, type Random, randomInteger } from '@vsmcp/kernel'

/** Draws for each peer wanted; of a large circle hardly one is drawn twice or unfit. */
const DRAWS_PER_PEER = 4

/**
 * Peers to go round and to draw from, each step in constant time. Everybody's turn comes once a round; the order is shuffled
 * with every round and newcomers are put anywhere, so that two circles do not march in step (SWIM, section 4.3).
 */
export class PeerCircle {
  readonly #random: Random
  readonly #peers: PeerIdString[] = []
  readonly #places = new Map<PeerIdString, number>()
  #turn = 0

  constructor(random: Random) {
    this.#random = random
  }

  get size(): number {
    return this.#peers.length
  }

  has(peer: PeerIdString): boolean {
    return this.#places.has(peer)
  }

  add(peer: PeerIdString): void {
    if (this.#places.has(peer)) return
    this.#peers.push(peer)
    this.#places.set(peer, this.#peers.length - 1)
    this.#swap(this.#peers.length - 1, randomInteger(this.#random, 0, this.#peers.length - 1))
  }

  delete(peer: PeerIdString): void {
    const place = this.#places.get(peer)
    if (place === undefined) return
    this.#swap(place, this.#peers.length - 1)
    this.#peers.pop()
    this.#places.delete(peer)
  }

  /** Whose turn it is. */
  next(): PeerIdString | undefined {
    if (this.#turn >= this.#peers.length) {
      this.#turn = 0
      for (let place = this.#peers.length - 1; place > 0; place--) this.#swap(place, randomInteger(this.#random, 0, place))
    }
    return this.#peers[this.#turn++]
  }

  /** Up to `count` different ones by chance, those that `suits` turns down left out. */
  draw(count: number, suits: (peer: PeerIdString) => boolean = () => true): PeerIdString[] {
    const size = this.#peers.length
    const drawn = new Set<PeerIdString>()
    if (size <= DRAWS_PER_PEER * count) {
      // So few that all are looked at, beginning anywhere.
      const rest = this.#peers.filter(suits)
      while (drawn.size < count && rest.length > 0) {
        const [peer] = rest.splice(randomInteger(this.#random, 0, rest.length - 1), 1)
        if (peer !== undefined) drawn.add(peer)
      }
      return [...drawn]
    }
    for (let draw = 0; draw < DRAWS_PER_PEER * count && drawn.size < count; draw++) {
      const peer = this.#peers[randomInteger(this.#random, 0, size - 1)]
      if (peer !== undefined && suits(peer)) drawn.add(peer)
    }
    return [...drawn]
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#peers[a], this.#peers[b]]
    if (first === undefined || second === undefined) return
    this.#peers[a] = second
    this.#peers[b] = first
    this.#places.set(second, a)
    this.#places.set(first, b)
  }
}
