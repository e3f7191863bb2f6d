import { BURST_MAX, CALM_MS, REFILL_MS } from './constants.ts'

interface Account {
  tokens: number
  refilledMs: number
  limitedMs: number | undefined
}

/** How many new alerts each source may still raise: a bucket of tokens each. Full ones are forgotten, so that only who spends is kept. */
export class Allowance {
  readonly #accounts = new Map<string, Account>()

  /** @returns whether one more may be raised */
  spend(name: string, nowMs: number): boolean {
    const account = this.#accounts.get(name) ?? { tokens: BURST_MAX, refilledMs: nowMs, limitedMs: undefined }
    this.#accounts.set(name, account)
    refill(account, nowMs)
    if (account.tokens < 1) {
      account.limitedMs = nowMs
      return false
    }
    account.tokens--
    return true
  }

  /** @returns sources that were held back and have been calm for long enough since */
  calmed(nowMs: number): string[] {
    const calm: string[] = []
    for (const [name, account] of this.#accounts) {
      refill(account, nowMs)
      if (account.limitedMs !== undefined && nowMs - account.limitedMs >= CALM_MS) {
        account.limitedMs = undefined
        calm.push(name)
      }
      if (account.tokens >= BURST_MAX && account.limitedMs === undefined) this.#accounts.delete(name)
    }
    return calm
  }

  /** The clock was set back by so much. */
  shift(byMs: number): void {
    for (const account of this.#accounts.values()) {
      account.refilledMs -= byMs
      if (account.limitedMs !== undefined) account.limitedMs -= byMs
    }
  }
}

function refill(account: Account, nowMs: number): void {
  const earned = Math.floor((nowMs - account.refilledMs) / REFILL_MS)
  if (earned < 1) return
  account.tokens = Math.min(BURST_MAX, account.tokens + earned)
  account.refilledMs += earned * REFILL_MS
}
