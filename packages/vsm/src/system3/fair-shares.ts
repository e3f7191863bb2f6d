/** Who wants a part of what is scarce. */
export interface Claimant {
  readonly weight: number
  readonly demand: number
}

/**
 * Weighted max-min fair shares by progressive filling (D. Bertsekas, R. Gallager, "Data Networks", 2nd ed., 6.5.2): all shares grow
 * together, in proportion to weight, until a demand is met or nothing is left. Nobody gets more than it asks for, and nobody could get
 * more without taking it from one who has less for its weight.
 * @returns in the order of the claimants; the sum is the lesser of capacity and demand
 */
export function fairShares(capacity: number, claimants: readonly Claimant[]): number[] {
  const shares = claimants.map(() => 0)
  const order = claimants
    .map(({ weight, demand }, at) => ({ at, weight, demand: Math.max(0, demand) }))
    .sort((a, b) => a.demand / a.weight - b.demand / b.weight)
  let left = Math.max(0, capacity)
  let weights = claimants.reduce((sum, { weight }) => sum + weight, 0)
  for (const { at, weight, demand } of order) {
    const share = Math.min(demand, (left * weight) / weights)
    shares[at] = share
    left -= share
    weights -= weight
  }
  return shares
}

/** The same in whole numbers, at least one each: what is left of the capacity goes to those who lost most by rounding. */
export function fairWholeShares(capacity: number, claimants: readonly Claimant[]): number[] {
  const exact = fairShares(
    capacity - claimants.length,
    claimants.map(({ weight, demand }) => ({ weight, demand: demand - 1 })),
  )
  const shares = exact.map(Math.floor)
  const wanted = exact.reduce((sum, share) => sum + share, 0)
  let left = Math.round(wanted) - shares.reduce((sum, share) => sum + share, 0)
  const byLoss = exact.map((share, at) => ({ at, loss: share - Math.floor(share) })).sort((a, b) => b.loss - a.loss)
  for (const { at, loss } of byLoss) {
    if (left <= 0 || loss === 0) break
    shares[at] = (shares[at] ?? 0) + 1
    left--
  }
  return shares.map((share) => share + 1)
}
