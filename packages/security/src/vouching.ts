import type { Chain } from './chain.ts'
import { CLOCK_SKEW_MS, CREDENTIAL_LIFE_MS, FIRST_ERA_INDEX, VOUCHING_ERAS_MAX } from './constants.ts'

/** When a node first heard of the newest voter sets: wall time, milliseconds since the Unix epoch, by the digest of each era. */
export type HeardOf = Readonly<Record<string, number>>

/** What was heard of before, and what of the chain is new now; no more is kept than vouches. */
export function heardOf(before: HeardOf | undefined, { eras }: Chain, nowMs: number): HeardOf {
  return Object.fromEntries(eras.slice(-VOUCHING_ERAS_MAX).map(({ digest }) => [digest, before?.[digest] ?? nowMs]))
}

/**
 * Index of the oldest voter set whose signatures under credentials still count: among the newest so many, and followed by another no
 * longer ago than a credential lives, as this node has heard. What such voters signed in good faith has ended by then, so it is
 * nothing but their number that is lost: who still holds their keys can make up no more.
 */
export function oldestVouching({ eras }: Chain, heard: HeardOf = {}, nowMs = 0): number {
  const counted = eras.slice(-VOUCHING_ERAS_MAX)
  const since = (digest: string): number => heard[digest] ?? nowMs
  const oldest = counted.find((_, at) => {
    const next = counted[at + 1]
    return next === undefined || since(next.digest) + ERA_AFTERLIFE_MS > nowMs
  })
  return oldest?.index ?? FIRST_ERA_INDEX
}

/** Milliseconds for which voters vouch on after others took their place: a credential's life, and what two clocks may differ twice. */
const ERA_AFTERLIFE_MS = CREDENTIAL_LIFE_MS + 2 * CLOCK_SKEW_MS
