import { InvalidArgumentError, type PeerIdString } from '@vsmcp/kernel'
import {
  APPEND_BYTES_MAX,
  APPEND_ENTRIES_MAX,
  COUNTER_MAX,
  ENTRY_BYTES_MAX,
  LEARNERS_MAX,
  PEER_ID_MAX,
  PROOF_VOTES_MAX,
  SNAPSHOT_BYTES_MAX,
  SNAPSHOT_CHANGES_MAX,
  VOTE_SIGNATURE_BYTES_MAX,
  VOTERS_MAX,
} from '../constants.ts'
import { InvalidMessageError } from '../errors.ts'
import { isObject } from '../json/json.ts'
import { type Configuration, decodeConfigurationStep } from './configuration.ts'
import type { Entry, EntryType, Snapshot } from './entry.ts'
import type { Message, SignedVote, VoteProof } from './message.ts'

type Fields = Readonly<Record<string, unknown>>

/** One reader per type: what a type needs beyond `term` and `proof`. */
const READERS: { readonly [T in Message['type']]: (fields: Fields, common: { term: number; proof?: VoteProof }) => Message } = {
  preVote: (f, common) => ({ type: 'preVote', ...common, lastIndex: counter(f, 'lastIndex'), lastTerm: counter(f, 'lastTerm') }),
  preVoteAnswer: (f, common) => ({
    type: 'preVoteAnswer',
    ...common,
    campaign: counter(f, 'campaign'),
    granted: flag(f, 'granted'),
    commit: counter(f, 'commit'),
    commitTerm: counter(f, 'commitTerm'),
  }),
  vote: (f, common) => ({
    type: 'vote',
    ...common,
    lastIndex: counter(f, 'lastIndex'),
    lastTerm: counter(f, 'lastTerm'),
    transfer: flag(f, 'transfer'),
  }),
  voteAnswer: (f, common) => ({
    type: 'voteAnswer',
    ...common,
    granted: flag(f, 'granted'),
    commit: counter(f, 'commit'),
    commitTerm: counter(f, 'commitTerm'),
    ...(f['signature'] === undefined ? {} : { signature: bytes(f, 'signature', VOTE_SIGNATURE_BYTES_MAX) }),
  }),
  append: (f, common) => readAppend(f, common),
  appendAnswer: (f, common) => ({
    type: 'appendAnswer',
    ...common,
    index: counter(f, 'index'),
    rejected: flag(f, 'rejected'),
    hintIndex: counter(f, 'hintIndex'),
    hintTerm: counter(f, 'hintTerm'),
    ...(f['unproven'] === true ? { unproven: true as const } : {}),
    ...counting(f),
  }),
  heartbeat: (f, common) => ({ type: 'heartbeat', ...common, commit: counter(f, 'commit'), round: counter(f, 'round') }),
  heartbeatAnswer: (f, common) => ({ type: 'heartbeatAnswer', ...common, round: counter(f, 'round'), ...counting(f) }),
  snapshot: (f, common) => {
    const snapshot = readSnapshot(f['snapshot'])
    if (snapshot.term > common.term) throw invalid('a snapshot of a later term than its leader')
    return { type: 'snapshot', ...common, snapshot, ...readChanges(f, snapshot.index) }
  },
  timeoutNow: (_, common) => ({ type: 'timeoutNow', ...common }),
  stale: (_, common) => ({ type: 'stale', ...common }),
}

/**
 * Checks what came from the wire, whole, before anything acts upon it: types, safe integers, bounds of every count and
 * size, and what no honest node ever sends (entries out of order or of a later term than their leader's). Unknown fields
 * are left out. The result shares no memory with the input.
 *
 * Throws `InvalidMessageError`, nothing else.
 */
export function validateMessage(value: unknown): Message {
  try {
    if (!isObject(value)) throw invalid('not an object')
    const { type } = value
    if (typeof type !== 'string' || !Object.hasOwn(READERS, type)) throw invalid('of no known type')
    const proof = value['proof'] === undefined ? {} : { proof: readProof(value['proof']) }
    return READERS[type as Message['type']](value, { term: counter(value, 'term'), ...proof })
  } catch (error) {
    if (error instanceof InvalidMessageError) throw error
    // A hostile object may throw from a getter or a proxy: that, too, is only an invalid message.
    throw invalid('one that cannot be read', error)
  }
}

function readAppend(fields: Fields, common: { term: number; proof?: VoteProof }): Message {
  const previousIndex = counter(fields, 'previousIndex')
  const previousTerm = counter(fields, 'previousTerm')
  let [index, term, size] = [previousIndex, previousTerm, 0]
  const entries = list(fields, 'entries', APPEND_ENTRIES_MAX).map((item) => {
    const entry = readEntry(item)
    if (entry.index !== index + 1 || entry.term < term || entry.term > common.term) throw invalid('entries out of order')
    index = entry.index
    term = entry.term
    size += entry.data.length
    if (size > APPEND_BYTES_MAX + ENTRY_BYTES_MAX) throw invalid('more bytes of entries than fit one append')
    return entry
  })
  if (previousTerm > common.term) throw invalid('a log of a later term than its leader')
  return { type: 'append', ...common, previousIndex, previousTerm, entries, commit: counter(fields, 'commit') }
}

function readChanges(fields: Fields, snapshotIndex: number): { changes?: readonly Entry[] } {
  if (fields['changes'] === undefined) return {}
  let index = snapshotIndex
  const changes = list(fields, 'changes', SNAPSHOT_CHANGES_MAX).map((item) => {
    const entry = readEntry(item)
    if (entry.type !== 'configuration' || entry.index <= index) throw invalid('a snapshot with changes out of order')
    index = entry.index
    return entry
  })
  return { changes }
}

const ENTRY_TYPES: readonly unknown[] = ['normal', 'configuration', 'noop'] satisfies EntryType[]

function readEntry(value: unknown): Entry {
  if (!isObject(value) || !ENTRY_TYPES.includes(value['type'])) throw invalid('an entry of no known type')
  const type = value['type'] as EntryType
  const data = bytes(value, 'data', ENTRY_BYTES_MAX)
  if (type === 'noop' && data.length > 0) throw invalid('a no-op with data')
  if (type === 'configuration') checkStep(data)
  const [index, term] = [counter(value, 'index'), counter(value, 'term')]
  if (index === 0 || term === 0) throw invalid('an entry of index or term 0')
  return { index, term, type, data }
}

function checkStep(data: Uint8Array): void {
  try {
    decodeConfigurationStep(data)
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw invalid('a configuration entry that says nothing', error)
    throw error
  }
}

function readSnapshot(value: unknown): Snapshot {
  if (!isObject(value)) throw invalid('a snapshot that is no object')
  const index = counter(value, 'index')
  if (index === 0) throw invalid('a snapshot of index 0')
  return {
    index,
    term: counter(value, 'term'),
    configuration: readConfiguration(value['configuration']),
    data: bytes(value, 'data', SNAPSHOT_BYTES_MAX),
  }
}

function readConfiguration(value: unknown): Configuration {
  if (!isObject(value)) throw invalid('a configuration that is no object')
  const configuration: Configuration = {
    voters: peers(value, 'voters', VOTERS_MAX),
    outgoing: peers(value, 'outgoing', VOTERS_MAX),
    learners: peers(value, 'learners', LEARNERS_MAX),
    learnersNext: peers(value, 'learnersNext', VOTERS_MAX),
    autoLeave: flag(value, 'autoLeave'),
    ...(value['version'] === undefined ? {} : { version: counter(value, 'version') }),
  }
  const { voters, outgoing, learners, learnersNext } = configuration
  if (voters.length === 0) throw invalid('a configuration without voters')
  const voting = new Set([...voters, ...outgoing])
  if (learners.some((id) => voting.has(id)) || learnersNext.some((id) => !outgoing.includes(id) || voters.includes(id))) {
    throw invalid('a configuration in which somebody votes and listens')
  }
  return configuration
}

function readProof(value: unknown): VoteProof {
  if (!isObject(value)) throw invalid('a proof that is no object')
  const votes = list(value, 'votes', PROOF_VOTES_MAX).map((vote): SignedVote => {
    if (!isObject(vote)) throw invalid('a vote that is no object')
    return { voter: peer(vote['voter']), signature: bytes(vote, 'signature', VOTE_SIGNATURE_BYTES_MAX) }
  })
  return { term: counter(value, 'term'), candidate: peer(value['candidate']), votes }
}

function counter(fields: Fields, name: string): number {
  const value = fields[name]
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value >= COUNTER_MAX) {
    throw invalid(`one whose ${name} is no counter`)
  }
  return value
}

/** What says anything but `false` is not counted: better one acknowledgement too few than one too many. */
function counting(fields: Fields): { uncounted?: true } {
  return fields['uncounted'] === undefined || fields['uncounted'] === false ? {} : { uncounted: true }
}

function flag(fields: Fields, name: string): boolean {
  const value = fields[name]
  if (typeof value !== 'boolean') throw invalid(`one whose ${name} is neither true nor false`)
  return value
}

function bytes(fields: Fields, name: string, max: number): Uint8Array {
  const value = fields[name]
  if (!(value instanceof Uint8Array) || value.length > max) throw invalid(`one whose ${name} is not up to ${max} bytes`)
  return new Uint8Array(value)
}

function list(fields: Fields, name: string, max: number): readonly unknown[] {
  const value = fields[name]
  if (!Array.isArray(value) || value.length > max) throw invalid(`one whose ${name} is not a list of up to ${max}`)
  // A copy without holes, taken before the items are read.
  return Array.from<unknown>(value)
}

function peer(value: unknown): PeerIdString {
  if (typeof value !== 'string' || value.length === 0 || value.length > PEER_ID_MAX)
    throw invalid('one that names something that is no peer')
  return value
}

function peers(fields: Fields, name: string, max: number): readonly PeerIdString[] {
  const all = list(fields, name, max).map(peer)
  if (new Set(all).size !== all.length) throw invalid(`one whose ${name} name a peer twice`)
  return all
}

function invalid(what: string, cause?: unknown): InvalidMessageError {
  return new InvalidMessageError(`a peer sent a message for the consensus that is none: ${what}`, {
    hint: 'The peer is faulty, hostile, or speaks a later version; its message was dropped.',
    ...(cause === undefined ? {} : { cause }),
  })
}
