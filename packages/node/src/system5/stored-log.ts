import { epochOfLog, isOver, type StoredRaft } from '@vsmcp/consensus'
import type { Logger } from '@vsmcp/kernel'
import type { RaftStorage } from '@vsmcp/store'

export interface BelievedEpoch {
  readonly epoch: number
  /** Resolves when it is on disk that this node believes in it. Throws when it cannot be written. */
  readonly written: () => Promise<void>
}

/**
 * The stored log, unless it is of an epoch that is over: then it is forgotten, for good, but not before the later epoch is written
 * down: started again without its log in the old epoch, this node would give away votes that it has given already. (A later epoch
 * than the one believed in is that of a log whose charter says what this node has not heard otherwise.)
 */
export async function loadOfEpoch(
  storage: Pick<RaftStorage, 'load' | 'replace'>,
  { epoch, written }: BelievedEpoch,
  logger: Logger,
): Promise<{ stored: StoredRaft | undefined; epoch: number; isForgotten: boolean }> {
  const stored = await storage.load()
  const kept = epochOfLog(stored) ?? epoch
  if (!isOver(stored, epoch)) return { stored, epoch: kept, isForgotten: false }
  logger.warn({ from: kept, to: epoch }, 'the log of an earlier epoch is forgotten')
  await written()
  await storage.replace(undefined)
  return { stored: undefined, epoch, isForgotten: true }
}
