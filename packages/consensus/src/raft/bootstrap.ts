import { InvalidArgumentError } from '@vsmcp/kernel'
import { SNAPSHOT_BYTES_MAX, VOTERS_MAX } from '../constants.ts'
import { byCodeUnit } from '../json/json.ts'
import { type Configuration, EMPTY_CONFIGURATION } from './configuration.ts'
import type { StoredRaft } from './entry.ts'

/** Where a group's history begins. Not 0: so that a log that never held anything differs from one that holds the beginning. */
const FIRST = { index: 1, term: 1 }

/**
 * What a group's first voter stores before its first start: a snapshot at log index 1. Every newcomer needs that
 * snapshot or a later one, since entry 1 exists nowhere; so nobody takes part without the group's first charter.
 */
export function bootstrap({ voters }: Pick<Configuration, 'voters'>, data: Uint8Array): StoredRaft {
  const unique = [...new Set(voters)].sort(byCodeUnit)
  if (unique.length === 0 || unique.length !== voters.length || unique.length > VOTERS_MAX) {
    throw new InvalidArgumentError(`a group begins with 1 to ${VOTERS_MAX} different voters, not ${voters.length}`)
  }
  if (data.length > SNAPSHOT_BYTES_MAX) throw new InvalidArgumentError(`a first snapshot of ${data.length} bytes is too large`)
  return {
    hardState: { term: FIRST.term, vote: null, commit: FIRST.index },
    snapshot: { ...FIRST, configuration: { ...EMPTY_CONFIGURATION, voters: unique }, data },
    entries: [],
  }
}
