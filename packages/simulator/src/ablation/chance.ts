import type { Random } from '@vsmcp/kernel'

/** Draws of the distributions that the world is made of. */
export class Chance {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  uniform(from = 0, to = 1): number {
    return from + (to - from) * this.#random.next()
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.#random.next())
  }

  /** With this mean, and this sigma of its logarithm. */
  logNormal(mean: number, sigma: number): number {
    // Box and Muller's way; the second of the pair is not kept, so that each draw takes as much of the source.
    const normal = Math.sqrt(-2 * Math.log(1 - this.#random.next())) * Math.cos(2 * Math.PI * this.#random.next())
    return mean * Math.exp(sigma * normal - (sigma * sigma) / 2)
  }

  index(length: number): number {
    return Math.min(length - 1, Math.floor(this.#random.next() * length))
  }

  shuffled<T>(items: readonly T[]): T[] {
    const all = [...items]
    for (let i = all.length - 1; i > 0; i--) {
      const j = this.index(i + 1)
      const [a, b] = [all[i], all[j]]
      if (a !== undefined && b !== undefined) [all[i], all[j]] = [b, a]
    }
    return all
  }
}
