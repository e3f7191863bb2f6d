import { CLOCK_SKEW_MS } from './constants.ts'
import { type Envelope, isLater, openEnvelope, type RecordId } from './envelope.ts'
import { isSame } from './wire.ts'

export interface Situation {
  id: RecordId
  /** What the document carries. */
  carried: Uint8Array | undefined
  /** What it should carry: the newest record seen, unless it has ended. */
  wanted: Uint8Array | undefined
  /** The newest record seen, ended or not. */
  newest: Envelope | undefined
  isOwn: boolean
  /** `carried` is known to be no valid record. */
  isGarbage: boolean
  nowMs: number
}

/** Whether the document is to be put right under this id: by what is wanted, or by taking out what is carried. */
export function isAmiss({ id, carried, wanted, newest, isOwn, isGarbage, nowMs }: Situation): boolean {
  if (carried === undefined) return wanted !== undefined
  if (wanted !== undefined && isSame(carried, wanted)) return false
  const opened = openEnvelope(id, carried)
  // A newer release may have written something newer here; only its owner knows better.
  if (opened === 'unknown') return wanted !== undefined && isOwn
  if (opened === 'malformed' || isGarbage) return true
  const { envelope } = opened
  // One that claims to be newer than what is known is about to be verified: then it is known, or garbage.
  const hasEnded = envelope.record.expiresAtMs + CLOCK_SKEW_MS < nowMs
  return hasEnded || (newest !== undefined && isLater(newest, envelope))
}
