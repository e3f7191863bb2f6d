import { createHash } from 'node:crypto'

import {
  applyEntry,
  type Authority,
  decodeGroupState,
  encodeGroupState,
  type Entry,
  type GroupState,
} from '../../../packages/consensus/src/index.ts'
import { silentLogger, systemClock } from '../../../packages/kernel/src/index.ts'
import { decodeLink } from '../../../packages/node/src/system5/link-certificate.ts'
import { decodeChain, groupAuthority } from '../../../packages/security/src/index.ts'
import { openStore } from '../../../packages/store/src/index.ts'

/** One entry of a log, and what applying it came to. */
export interface LogLine {
  readonly index: number
  readonly term: number
  readonly type: Entry['type']
  readonly data: string
  /** `changed`, `unchanged`, or the code of a refusal. */
  readonly outcome: string
  /** Hex SHA-256 of the state's canonical bytes afterwards. */
  readonly digest: string
}

/** A state, all entries after it, and the state they end in. */
export interface KeptLog {
  readonly from: string
  readonly lines: readonly LogLine[]
  readonly to: string
}

/** What proofs in a log are checked with. @param chain base64, as an enrolment keeps it */
export function authorityOf(chain: string): Authority {
  const { firstCharter } = decodeChain(new Uint8Array(Buffer.from(chain, 'base64')))
  return groupAuthority({ firstCharter, decodeCertificate: decodeLink })
}

/** The log in a data directory that no node runs on. */
export async function logOf(dataDir: string, authority: Authority): Promise<KeptLog> {
  const store = await openStore({ dir: dataDir })({ clock: systemClock, logger: silentLogger })
  try {
    const stored = await store.raft.load()
    if (stored?.snapshot === undefined) throw new Error('there is no snapshot to begin with')
    const { index, data } = stored.snapshot
    const committed = stored.entries.filter((entry) => entry.index > index && entry.index <= stored.hardState.commit)
    const { lines, state } = replayed(decodeGroupState(data), committed, authority)
    return { from: base64(data), lines, to: base64(encodeGroupState(state)) }
  } finally {
    await store.stop()
  }
}

export function replayed(
  from: GroupState,
  entries: readonly Entry[],
  authority: Authority,
): { lines: LogLine[]; state: GroupState } {
  let state = from
  const lines = entries.map((entry): LogLine => {
    const applied = applyEntry(state, entry, authority)
    state = applied.state
    const { result } = applied
    const outcome = result.ok ? (result.changed ? 'changed' : 'unchanged') : result.code
    const digest = createHash('sha256').update(encodeGroupState(state)).digest('hex')
    return { index: entry.index, term: entry.term, type: entry.type, data: base64(entry.data), outcome, digest }
  })
  return { lines, state }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
