/**
 * Entropy in bits of what was counted, as observed plus the Miller–Madow correction for what a sample has not shown: (kinds seen − 1) / (2 N ln 2)
 * (G. A. Miller, "Note on the bias of information estimates", 1955). Nought for nothing and for a single kind.
 */
export function entropyBits(counts: Iterable<number>): number {
  let total = 0
  let kinds = 0
  let weighted = 0
  for (const count of counts) {
    if (count <= 0) continue
    kinds++
    total += count
    weighted += count * Math.log2(count)
  }
  if (kinds <= 1) return 0
  return Math.log2(total) - weighted / total + (kinds - 1) / (2 * total * Math.LN2)
}
