import { applyEntry } from '../group/apply-entry.ts'
import type { Authority } from '../group/authority.ts'
import type { Charter } from '../group/charter.ts'
import { grantedAnew } from '../group/claims.ts'
import { decodeGroupState, encodeGroupState } from '../group/group-codec.ts'
import type { GroupState } from '../group/group-state.ts'
import { occurrencesRecovered } from '../group/occurrences.ts'
import { canonicalBytes } from '../json/json.ts'
import { EMPTY_CONFIGURATION } from '../raft/configuration.ts'
import type { StoredRaft } from '../raft/entry.ts'

/** What a node's own log says, and where it ends. */
export interface Remains {
  readonly state: GroupState
  readonly index: number
  readonly term: number
  /** Entries at the end that this node does not know to have been committed: they may have been, so they count. */
  readonly uncommitted: number
}

/** A recovery, once it is signed. */
export interface Recovered {
  readonly epoch: number
  /** See `firstIndexOf`. */
  readonly index: number
  /** The one voter it begins with. */
  readonly voter: string
  /** What proves it, as the docket carries it. */
  readonly certificate: string
  /** Wall time of whoever recovers, milliseconds since the Unix epoch. */
  readonly atMs: number
}

/** All that a log holds, applied: nothing that this node may have acknowledged is left out. @returns undefined for one that holds nothing */
export function remainsOf(stored: StoredRaft | undefined, authority: Authority): Remains | undefined {
  const snapshot = stored?.snapshot
  if (stored === undefined || snapshot === undefined) return undefined
  const entries = stored.entries.filter(({ index }) => index > snapshot.index)
  const last = entries.at(-1) ?? snapshot
  return {
    state: entries.reduce((state, entry) => applyEntry(state, entry, authority).state, decodeGroupState(snapshot.data)),
    index: last.index,
    term: Math.max(last.term, stored.hardState.term),
    uncommitted: entries.filter(({ index }) => index > stored.hardState.commit).length,
  }
}

/** Where the next epoch begins: above all that the log has, and all that is certified. */
export function firstIndexOf({ index }: Pick<Remains, 'index'>, certifiedIndex: number): number {
  return Math.max(index, certifiedIndex) + 1
}

/** The charter that an epoch begins with: as it was, with one voter. */
export function charterOfEpoch({ charter }: Pick<GroupState, 'charter'>, epoch: number, voter: string): Charter {
  return { ...charter, epoch, voters: [voter] }
}

/** What an epoch begins with, and what its first voter stores in place of the log it had. */
export function nextEpoch(
  { state, term: lastTerm }: Pick<Remains, 'state' | 'term'>,
  { epoch, index, voter, certificate, atMs }: Recovered,
  { digest }: Pick<Authority, 'digest'>,
): { readonly state: GroupState; readonly stored: StoredRaft } {
  const charter = charterOfEpoch(state, epoch, voter)
  const digestOf = (of: Charter): string => digest(canonicalBytes(of))
  const { version = 0 } = state.configuration
  const configuration = { ...EMPTY_CONFIGURATION, voters: [voter], version: version + 1 }
  const carried = occurrencesRecovered(grantedAnew({ ...state, charter }, { index }), atMs)
  const data = encodeGroupState({
    ...carried,
    configuration,
    pendingChanges: [],
    charterMark: { index, epoch, digestBefore: digestOf(state.charter), digestNow: digestOf(charter) },
    links: [...state.links, { index, certificate }],
  })
  // No term of an epoch is one that its first voter has been in before.
  const term = lastTerm + 1
  return {
    state: decodeGroupState(data),
    stored: { hardState: { term, vote: null, commit: index }, snapshot: { index, term, configuration, data }, entries: [] },
  }
}

/** Of what a log holds; undefined for one that holds nothing. */
export function epochOfLog(stored: StoredRaft | undefined): number | undefined {
  return stored?.snapshot === undefined ? undefined : decodeGroupState(stored.snapshot.data).charter.epoch
}

/** Whether a log is of an epoch that is over: no vote and no entry of it may come into the one believed in, so it has to be forgotten. */
export function isOver(stored: StoredRaft | undefined, epoch: number): boolean {
  return (epochOfLog(stored) ?? epoch) < epoch
}
