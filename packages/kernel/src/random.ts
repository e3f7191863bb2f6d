/** A source of chance. Seeded in tests and simulations, so that a printed seed replays a run. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
}

/**
 * sfc32, a small fast counting generator (C. Doty-Humphrey, PractRand). Not for secrets.
 * @param seed any integer; the same seed gives the same sequence on every machine
 */
export function seededRandom(seed: number): Random {
  let a = seed | 0
  let b = Math.floor(seed / 2 ** 32) | 0
  let c = 0x9e3779b9 | 0
  let counter = 1
  const step = (): number => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) step()
  return { next: () => step() / 2 ** 32 }
}

/** Uniform integer in [min, max]. */
export function randomInteger(random: Random, min: number, max: number): number {
  return min + Math.floor(random.next() * (max - min + 1))
}
