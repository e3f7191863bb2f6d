import { entropyBits } from './entropy.ts'
import type { CallOutcome, Count } from './window.ts'

/** Ashby's measure of a viable system at its work. All in bits, with the Miller–Madow correction. */
export interface VarietyFigures {
  /** Calls counted. */
  readonly calls: number
  readonly outcomes: Readonly<Partial<Record<CallOutcome, number>>>
  /** Entropy of what is asked. */
  readonly demandBits: number
  /** Entropy of what is done about it. All that nothing is done about counts as one response. */
  readonly responseBits: number
  /** Entropy of how calls end. A perfect regulator leaves none. */
  readonly outcomeBits: number
  /** H(outcome | response): what of it remains when it is known which response was chosen; only better units can take that away. */
  readonly residualBits: number
  /** Mutual information of outcome and response: what choosing responses better would take away. */
  readonly choosableBits: number
  /**
   * Demand − response, at least nought: distinctions that callers make and the system does not. "Only variety can destroy variety" (W. R. Ashby, An
   * Introduction to Cybernetics, 1956, section 11/7): in so far the outcomes are not in its hand.
   */
  readonly unmatchedBits: number
}

export function varietyOf(counts: Iterable<Count>): VarietyFigures {
  const demands = new Map<string, number>()
  const responses = new Map<string, number>()
  const outcomes = new Map<CallOutcome, number>()
  const pairs = new Map<string, number>()
  let calls = 0
  for (const each of counts) {
    calls += each.calls
    add(demands, each.demand, each.calls)
    add(responses, each.response, each.calls)
    add(outcomes, each.outcome, each.calls)
    add(pairs, `${each.outcome} ${each.response}`, each.calls)
  }
  const demandBits = entropyBits(demands.values())
  const responseBits = entropyBits(responses.values())
  const outcomeBits = entropyBits(outcomes.values())
  // By the chain rule. The corrections can take it a little past its bounds, which hold for the quantity itself.
  const residualBits = Math.min(outcomeBits, Math.max(0, entropyBits(pairs.values()) - responseBits))
  return {
    calls,
    outcomes: Object.fromEntries(outcomes),
    demandBits,
    responseBits,
    outcomeBits,
    residualBits,
    choosableBits: outcomeBits - residualBits,
    unmatchedBits: Math.max(0, demandBits - responseBits),
  }
}

function add<K>(sums: Map<K, number>, key: K, by: number): void {
  sums.set(key, (sums.get(key) ?? 0) + by)
}
