import { randomBytes } from 'node:crypto'
import {
  applyEntry,
  canonicalBytes,
  type Charter,
  decodeGroupState,
  encodeGroupState,
  type GroupState,
  type StoredRaft,
} from '@vsmcp/consensus'
import { type PeerIdString, systemClock } from '@vsmcp/kernel'
import {
  type Chain,
  extendChain,
  groupAuthority,
  type Link,
  type MeshKey,
  orThrow,
  type ShownChain,
  signRecovery,
} from '@vsmcp/security'
import { NotRecoverableError } from '../errors.ts'
import { sha256Hex } from '../sha256.ts'
import { decodeLink, encodeLink } from '../system5/link-certificate.ts'

/** What a node's own log says, and where it ends. */
export interface Remains {
  readonly state: GroupState
  readonly index: number
  readonly term: number
  /** Entries at the end that this node does not know to have been committed: they may have been, so they count. */
  readonly uncommitted: number
}

/** The beginning of an epoch: what its first voter stores. */
export interface NextEpoch {
  readonly chain: Chain
  readonly state: GroupState
  readonly stored: StoredRaft
}

/** All that the log holds, applied: nothing that this node may have acknowledged is left out. Throws `NotRecoverableError`. */
export function remainsOf(stored: StoredRaft | undefined, { firstCharter }: ShownChain): Remains {
  const snapshot = stored?.snapshot
  if (stored === undefined || snapshot === undefined) {
    throw new NotRecoverableError("this node holds no copy of the group's charter and docket", {
      hint: 'Recover on a node that was in step with the group; this one can then join it anew.',
    })
  }
  const authority = groupAuthority({ firstCharter, decodeCertificate: decodeLink })
  const entries = stored.entries.filter(({ index }) => index > snapshot.index)
  const last = entries.at(-1) ?? snapshot
  return {
    state: entries.reduce((state, entry) => applyEntry(state, entry, authority).state, decodeGroupState(snapshot.data)),
    index: last.index,
    term: Math.max(last.term, stored.hardState.term),
    uncommitted: entries.filter(({ index }) => index > stored.hardState.commit).length,
  }
}

/** The chain as far as the docket goes: a node hears of a link there first. */
export function chainWithLinks(chain: Chain, { links }: GroupState): Chain {
  return links.reduce(
    (known, { index, certificate }) => (index <= known.index ? known : orThrow(extendChain(known, decodeLink(certificate)))),
    chain,
  )
}

/** Signs the next epoch, with one voter, which need not have been a voter or even the same node before. */
export function startEpoch(remains: Remains, chain: Chain, voter: PeerIdString, meshKey: MeshKey): NextEpoch {
  const { state, index: last } = remains
  const index = Math.max(last, chain.index) + 1
  const link = signRecovery(meshKey, chain, {
    index,
    digestBefore: digestOf(state.charter),
    digestNow: digestOf(charterOf(state, chain.epoch + 1, voter)),
    voter,
    atMs: Math.round(systemClock.wallMs()),
    nonce: randomBytes(32),
  })
  return epochOf(remains, orThrow(extendChain(chain, link)), link)
}

/** What the newest link of the chain, a recovery, begins with. */
export function epochOf(remains: Remains, chain: Chain, link: Link): NextEpoch {
  const { state, term: lastTerm } = remains
  const { epoch, index, voters } = chain
  const [voter = ''] = voters
  const charter = charterOf(state, epoch, voter)
  const digestNow = digestOf(charter)
  const { version = 0 } = state.configuration
  const configuration = { voters: [voter], outgoing: [], learners: [], learnersNext: [], autoLeave: false, version: version + 1 }
  const next = encodeGroupState({
    ...state,
    charter,
    configuration,
    pendingChanges: [],
    charterMark: { index, epoch, digestBefore: digestOf(state.charter), digestNow },
    links: [...state.links, { index, certificate: encodeLink(link) }],
  })
  const term = lastTerm + 1
  return {
    chain,
    state: decodeGroupState(next),
    stored: {
      hardState: { term, vote: null, commit: index },
      snapshot: { index, term, configuration, data: next },
      entries: [],
    },
  }
}

function charterOf({ charter }: GroupState, epoch: number, voter: PeerIdString): Charter {
  return { ...charter, epoch, voters: [voter] }
}

export function digestOf(charter: Charter): string {
  return sha256Hex(canonicalBytes(charter))
}
