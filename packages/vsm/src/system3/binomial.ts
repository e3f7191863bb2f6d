/** Chance of at least so many successes in as many independent trials, each with this chance. Exact, summed in logarithms. */
export function atLeast(successes: number, trials: number, chance: number): number {
  if (successes <= 0 || chance >= 1) return 1
  if (successes > trials || chance <= 0) return 0
  const [logYes, logNo] = [Math.log(chance), Math.log1p(-chance)]
  let logTerm = trials * logNo
  let below = Math.exp(logTerm)
  for (let k = 1; k < successes; k++) {
    logTerm += Math.log((trials - k + 1) / k) + logYes - logNo
    below += Math.exp(logTerm)
  }
  if (below < 0.5) return 1 - below
  // What is left is summed itself: the difference from one would be rounding.
  let above = 0
  for (let k = successes; k <= trials; k++) {
    logTerm += Math.log((trials - k + 1) / k) + logYes - logNo
    const term = Math.exp(logTerm)
    above += term
    if (term < above * 1e-17 && k > trials * chance) break
  }
  return Math.min(1, above)
}
