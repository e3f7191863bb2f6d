/** Bounds of an `AttemptLimiter`. */
export interface AttemptLimits {
  /** Attempts per key and minute. */
  readonly perMinute: number
  /** Attempts of all keys together and minute. */
  readonly perMinuteInAll: number
  /** Keys remembered; the least recent is forgotten first. */
  readonly keysMax: number
}

interface Bucket {
  tokens: number
  atMs: number
}

const MINUTE_MS = 60_000

/** Counts attempts per key by token buckets, in bounded memory. Pure: the time is an argument. */
export class AttemptLimiter {
  readonly #limits: AttemptLimits
  readonly #buckets = new Map<string, Bucket>()
  readonly #all: Bucket

  constructor(limits: AttemptLimits) {
    this.#limits = limits
    this.#all = { tokens: limits.perMinuteInAll, atMs: Number.NEGATIVE_INFINITY }
  }

  /** Keys remembered. */
  get size(): number {
    return this.#buckets.size
  }

  /** Counts one attempt under every key. @returns false when one of them, or all together, had too many */
  allow(keys: readonly string[], nowMs: number): boolean {
    const { perMinute, perMinuteInAll } = this.#limits
    const own = keys.map((key) => take(this.#bucketOf(key, nowMs), perMinute, nowMs))
    // Who is over its own limit must not use up what is left for others.
    return !own.includes(false) && take(this.#all, perMinuteInAll, nowMs)
  }

  #bucketOf(key: string, nowMs: number): Bucket {
    const bucket = this.#buckets.get(key) ?? { tokens: this.#limits.perMinute, atMs: nowMs }
    this.#buckets.delete(key)
    const oldest = this.#buckets.size >= this.#limits.keysMax ? this.#buckets.keys().next().value : undefined
    if (oldest !== undefined) this.#buckets.delete(oldest)
    this.#buckets.set(key, bucket)
    return bucket
  }
}

function take(bucket: Bucket, perMinute: number, nowMs: number): boolean {
  const passedMs = Math.max(0, nowMs - bucket.atMs)
  bucket.tokens = Math.min(perMinute, bucket.tokens + (passedMs * perMinute) / MINUTE_MS)
  bucket.atMs = Math.max(bucket.atMs, nowMs)
  if (bucket.tokens < 1) return false
  bucket.tokens--
  return true
}
