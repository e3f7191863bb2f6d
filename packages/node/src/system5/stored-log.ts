import { decodeGroupState, type StoredRaft } from '@vsmcp/consensus'
import type { Logger } from '@vsmcp/kernel'
import type { RaftStorage } from '@vsmcp/store'

/**
 * The stored log, unless it is of an epoch that is over: no vote and no entry of that one may come into this one, so it is
 * forgotten, for good. (A later epoch than `epoch` is that of a log whose charter says what this node has not heard otherwise.)
 */
export async function loadOfEpoch(
  storage: RaftStorage,
  epoch: number,
  logger: Logger,
): Promise<{ stored: StoredRaft | undefined; epoch: number; isForgotten: boolean }> {
  const stored = await storage.load()
  const kept = epochIn(stored) ?? epoch
  if (kept >= epoch) return { stored, epoch: kept, isForgotten: false }
  logger.warn({ from: kept, to: epoch }, 'the log of an earlier epoch is forgotten')
  await storage.replace(undefined)
  return { stored: undefined, epoch, isForgotten: true }
}

/** @returns undefined for a log that holds nothing */
export async function epochOfLog(storage: RaftStorage): Promise<number | undefined> {
  return epochIn(await storage.load())
}

function epochIn(stored: StoredRaft | undefined): number | undefined {
  return stored?.snapshot === undefined ? undefined : decodeGroupState(stored.snapshot.data).charter.epoch
}
