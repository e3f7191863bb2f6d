import { randomBytes } from 'node:crypto'
import {
  canonicalBytes,
  type Charter,
  charterOfEpoch,
  firstIndexOf,
  type GroupState,
  nextEpoch,
  recoverersOf,
  type Remains,
  remainsOf,
  type StoredRaft,
} from '@vsmcp/consensus'
import { type PeerIdString, systemClock } from '@vsmcp/kernel'
import {
  type Chain,
  extendChain,
  groupAuthority,
  type Link,
  mergeChain,
  type MeshKey,
  type OperatorKey,
  newestRecovery,
  orThrow,
  type ShownChain,
  signRecovery,
} from '@vsmcp/security'
import { NotRecoverableError } from '../errors.ts'
import { sha256Hex } from '../sha256.ts'
import { decodeLink, encodeLink } from '../system5/link-certificate.ts'

/** The beginning of an epoch: what its first voter stores. */
export interface NextEpoch {
  readonly chain: Chain
  readonly state: GroupState
  readonly stored: StoredRaft
}

/** All that the log of this node holds. Throws `NotRecoverableError`. */
export function remainsOfLog(stored: StoredRaft | undefined, { firstCharter }: ShownChain): Remains {
  const remains = remainsOf(stored, groupAuthority({ firstCharter, decodeCertificate: decodeLink }))
  if (remains !== undefined) return remains
  throw new NotRecoverableError("this node holds no copy of the group's charter and docket", {
    hint: 'Recover on a node that was in step with the group; this one can then join it anew.',
  })
}

/** The chain as far as the docket goes: a node hears of a link there first. */
export function chainWithLinks(chain: Chain, { links }: Pick<GroupState, 'links'>): Chain {
  return mergeChain(chain, { firstCharter: chain.firstCharter, links: links.map(({ certificate }) => decodeLink(certificate)) })
}

/** Signs the next epoch, with one voter, which need not have been a voter or even the same node before. */
export function startEpoch(remains: Remains, chain: Chain, voter: PeerIdString, key: MeshKey | OperatorKey): NextEpoch {
  const charter = charterOfEpoch(remains.state, chain.epoch + 1, voter)
  const link = signRecovery(key, chain, {
    index: firstIndexOf(remains, chain.index),
    digestBefore: digestOf(remains.state.charter),
    digestNow: digestOf(charter),
    voter,
    recoverers: recoverersOf(charter),
    atMs: Math.round(systemClock.wallMs()),
    nonce: randomBytes(32),
  })
  return epochOf(remains, orThrow(extendChain(chain, link)), link)
}

/** What the newest link of the chain, a recovery, begins with. */
export function epochOf(remains: Remains, chain: Chain, link: Link): NextEpoch {
  const { epoch, index, voters } = chain
  const [voter = ''] = voters
  const { atMs = 0 } = newestRecovery(chain) ?? {}
  const recovered = { epoch, index, voter, certificate: encodeLink(link), atMs }
  return { chain, ...nextEpoch(remains, recovered, { digest: sha256Hex }) }
}

export function digestOf(charter: Charter): string {
  return sha256Hex(canonicalBytes(charter))
}
