import type { GroupId, PeerIdString } from '@vsmcp/kernel'
import { z } from 'zod'
import {
  RECORD_REVOCATIONS_BYTES_MAX,
  RECORD_REVOCATIONS_MAX,
  RECORD_SKEW_MAX_MS,
  REVOCATION_TOLD_MS,
  REVOCATIONS_KNOWN_MAX,
} from './constants.ts'
import { fitting, groupField, peerField, wallField } from './record-head.ts'

export const revocationSchema = z
  .object({
    peer: peerField,
    /** The group that evicted it, of which its credential was. */
    group: groupField,
    /** When the credential would have ended, and when it was revoked, by wall time. */
    untilMs: wallField,
    atMs: wallField,
  })
  .refine(({ atMs, untilMs }) => untilMs > atMs, { message: 'ends before it begins', path: ['untilMs'] })

/** A group has evicted somebody. */
export type Revocation = z.infer<typeof revocationSchema>

/** As many of them, the newest first, as one record carries. */
export function carriedRevocations(all: Iterable<Revocation>): Revocation[] {
  const newest = [...all].sort((a, b) => b.atMs - a.atMs || (a.peer < b.peer ? -1 : 1))
  return fitting(newest, RECORD_REVOCATIONS_MAX, RECORD_REVOCATIONS_BYTES_MAX)
}

const heardSchema = z.object({
  revocation: revocationSchema,
  heardMs: wallField,
  /** The side it came from is not told. */
  from: groupField,
})

/** An eviction elsewhere, as it was heard of. */
export type HeardRevocation = z.infer<typeof heardSchema>

const allHeardSchema = z.array(heardSchema).max(REVOCATIONS_KNOWN_MAX)

/** Evictions elsewhere, as they were kept. @returns undefined for what is none */
export function readHeardRevocations(value: unknown): HeardRevocation[] | undefined {
  return allHeardSchema.safeParse(value).data
}

/**
 * What a group knows of evictions in other groups: told by records from above and below, passed on to all other sides for a day, kept until the
 * credential would have ended. Bounded; of more, those that would have ended first are forgotten.
 */
export class KnownRevocations {
  readonly #heard = new Map<string, HeardRevocation>()
  readonly #max: number
  #version = 0

  constructor(max = REVOCATIONS_KNOWN_MAX) {
    this.#max = max
  }

  /** Another one whenever something is known that was not, or is not any more. */
  get version(): number {
    return this.#version
  }

  get heard(): readonly HeardRevocation[] {
    return [...this.#heard.values()]
  }

  /** What was heard before a restart. */
  remember(heard: readonly HeardRevocation[], nowMs: number): void {
    for (const each of heard) {
      const key = keyOf(each.revocation)
      if (each.revocation.untilMs > nowMs && !this.#heard.has(key)) this.#heard.set(key, each)
    }
    this.#bound()
  }

  /** @param from the neighbour that told it @returns those that were new */
  hear(told: readonly Revocation[], from: GroupId, nowMs: number): Revocation[] {
    const fresh: Revocation[] = []
    for (const revocation of told) {
      if (revocation.untilMs <= nowMs || revocation.atMs > nowMs + RECORD_SKEW_MAX_MS) continue
      const key = keyOf(revocation)
      const known = this.#heard.get(key)
      if (known !== undefined && known.revocation.untilMs >= revocation.untilMs) continue
      this.#heard.set(key, { revocation, heardMs: known?.heardMs ?? nowMs, from })
      this.#version++
      if (known === undefined) fresh.push(revocation)
    }
    this.#bound()
    return fresh
  }

  tick(nowMs: number): void {
    for (const [key, { revocation }] of this.#heard) {
      if (revocation.untilMs > nowMs) continue
      this.#heard.delete(key)
      this.#version++
    }
  }

  /** What this side is to be told: the group's own, and what the others told of late. */
  toldTo(side: GroupId, own: readonly Revocation[], nowMs: number): Revocation[] {
    const others = [...this.#heard.values()].filter(({ from, heardMs }) => from !== side && nowMs - heardMs < REVOCATION_TOLD_MS)
    return carriedRevocations([...own, ...others.map(({ revocation }) => revocation)])
  }

  get all(): readonly Revocation[] {
    return [...this.#heard.values()].map(({ revocation }) => revocation)
  }

  of(peer: PeerIdString): readonly Revocation[] {
    return this.all.filter((revocation) => revocation.peer === peer)
  }

  #bound(): void {
    if (this.#heard.size <= this.#max) return
    const first = [...this.#heard].sort(([, a], [, b]) => a.revocation.untilMs - b.revocation.untilMs)
    for (const [key] of first.slice(0, this.#heard.size - this.#max)) this.#heard.delete(key)
  }
}

/** How somebody came to be a member of the group that asks. */
export interface Standing {
  readonly peer: PeerIdString
  /** The child group that sent it here as its delegate; undefined for a member of its own. */
  readonly delegateOf: GroupId | undefined
}

/**
 * What an eviction elsewhere means here:
 * - `refuse`: a group above did it, or the group whose delegate the member is: it is out here, too
 * - `tell`: a group that has no say about this member. It stays, for else a hostile group could evict anybody of any other; people are told
 */
export function bearingOf(revocation: Revocation, member: Standing, above: readonly GroupId[]): 'refuse' | 'tell' {
  return above.includes(revocation.group) || member.delegateOf === revocation.group ? 'refuse' : 'tell'
}

const keyOf = ({ peer, group }: Revocation): string => `${group} ${peer}`
