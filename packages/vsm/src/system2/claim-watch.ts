import { type Claim, contended } from './claim.ts'

interface Seen {
  /** Since when others wait for it. */
  readonly contendedMs?: number
  /** Since when it is recalled. */
  readonly recalledMs?: number
}

/**
 * For how long this node has known that a claim keeps others waiting, or was recalled: by its own monotonic clock, since it read
 * so itself. Voters judge by this, so nobody's word and no wall clock makes time pass.
 */
export class ClaimWatch {
  #seen = new Map<string, Seen>()

  /** The claims as of the last entry read. */
  follow(claims: Iterable<Claim>, nowMs: number): void {
    const all = [...claims]
    const kept = new Set(contended(all))
    const seen = new Map<string, Seen>()
    for (const claim of all) {
      if (claim.token === undefined) continue
      const before = this.#seen.get(keyOf(claim))
      seen.set(keyOf(claim), {
        ...(kept.has(claim) ? { contendedMs: before?.contendedMs ?? nowMs } : {}),
        ...(claim.recalledAtIndex === undefined ? {} : { recalledMs: before?.recalledMs ?? nowMs }),
      })
    }
    this.#seen = seen
  }

  /** 0 for a claim that keeps nobody waiting. */
  contendedForMs(claim: ClaimRef, nowMs: number): number {
    return nowMs - (this.#seen.get(keyOf(claim))?.contendedMs ?? nowMs)
  }

  /** 0 for a claim that is not recalled. */
  recalledForMs(claim: ClaimRef, nowMs: number): number {
    return nowMs - (this.#seen.get(keyOf(claim))?.recalledMs ?? nowMs)
  }
}

type ClaimRef = Pick<Claim, 'peer' | 'unit' | 'askedAtIndex'>

function keyOf({ peer, unit, askedAtIndex }: ClaimRef): string {
  return `${peer} ${unit} ${askedAtIndex}`
}
