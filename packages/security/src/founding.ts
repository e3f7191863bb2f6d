import { canonicalBytes, type Charter, type GroupState, listsGroup, pathBelow } from '@vsmcp/consensus'
import { type GroupId, InvalidArgumentError, type PeerIdString } from '@vsmcp/kernel'
import { type Chain, encodeChain, type ShownChain } from './chain.ts'
import { GRANTED_BYTES_MAX, NONCE_BYTES } from './constants.ts'
import { AncestryTooLargeError, GroupNotListedError } from './errors.ts'
import { toBase64url } from './form.ts'
import {
  assertGranted,
  childFactsOf,
  encodeGroupGrant,
  grantBytes,
  type GrantedCharter,
  groupIdOf,
  verifyGrantedCharter,
} from './granted-charter.ts'
import type { Identity } from './identity.ts'
import { digestOf, type LinkSignature } from './link.ts'
import { signaturesOf } from './majority.ts'

export interface ChildCharterInit {
  /** Chain of the group above, as known to the founder. */
  readonly parent: Chain
  /** Its charter of now: mesh, feature level and, unless others are named, operators are taken over. */
  readonly parentCharter: Charter
  /** Last part of the path: `[a-z0-9][a-z0-9-]{0,23}`. */
  readonly name: string
  /** First and only voter. */
  readonly founder: PeerIdString
  /** 32 random bytes, so that no two foundings make one group. */
  readonly nonce: Uint8Array
  /** @default those of the group above */
  readonly operators?: Charter['operators']
  /** @default none */
  readonly policies?: Charter['policies']
}

/** A first charter that nobody has granted yet. */
export interface ChildCharter {
  readonly groupId: GroupId
  readonly charter: Charter
  /** Canonical JSON. */
  readonly bytes: Uint8Array
  /** Hex SHA-256: what `group:create` names. */
  readonly digest: string
}

/** The first charter of a new group, and the id that follows from it. Throws `CharterMalformedError` for what nobody would grant. */
export function childCharter(init: ChildCharterInit): ChildCharter {
  const { parent, parentCharter, name, founder, nonce, operators = parentCharter.operators, policies = {} } = init
  if (nonce.length !== NONCE_BYTES) throw new InvalidArgumentError(`a nonce of ${nonce.length} bytes, and not ${NONCE_BYTES}`)
  const unnamed = {
    meshId: parentCharter.meshId,
    meshName: parentCharter.meshName,
    meshPublicKey: parentCharter.meshPublicKey,
    path: pathBelow(parent.path, name),
    epoch: 1,
    featureLevel: parentCharter.featureLevel,
    voters: [founder],
    policies,
    operators,
    revocations: [],
    zones: [],
    nonce: toBase64url(nonce),
  }
  const charter: Charter = { ...unnamed, groupId: groupIdOf(unnamed) }
  const bytes = canonicalBytes(charter)
  childFactsOf(bytes, parent)
  return { groupId: charter.groupId, charter, bytes, digest: digestOf(bytes) }
}

/**
 * What a voter of the group above signs, the same bytes at each of them that knows the same voters: only for a group that its docket
 * lists with just this charter, name and founder. Throws `GroupNotListedError`, `CharterMalformedError`, `CharterOtherMeshError`, and
 * `AncestryTooLargeError` when no chain of the new group would fit beside those above.
 */
export function groupToGrant(parent: Chain, docket: Pick<GroupState, 'groups'>, charter: Uint8Array): Uint8Array {
  const { groupId: group, path, voters } = childFactsOf(charter, parent)
  const digest = digestOf(charter)
  const [founder = ''] = voters
  if (!listsGroup(docket, group, { name: path.slice(path.lastIndexOf('/') + 1), founder, charterDigest: digest })) {
    const how = docket.groups.has(group) ? 'is not with this charter' : 'is not'
    throw new GroupNotListedError(
      `group ${group} (${path}) ${how} in the docket of ${parent.group}, whose voters grant only what is`,
      {
        hint: 'It may have been renamed or removed meanwhile: see `vsmcp group ls`, and found it anew.',
        details: { group, parent: parent.group },
      },
    )
  }
  assertFits(parent, group)
  return encodeGroupGrant({ mesh: parent.meshId, parent: parent.group, group, charter: digest, voterIndex: parent.index })
}

/** Signs a statement; sign only what `groupToGrant` gave. */
export function signGroupGrant(identity: Identity, statement: Uint8Array): LinkSignature {
  return { peer: identity.peerId, signature: identity.sign(grantBytes(statement)) }
}

/**
 * Drops wrong, foreign and needless signatures. Throws `GroupGrantSignaturesError` when what is left is no majority of the parent's
 * voters, and what `verifyGrantedCharter` refuses with.
 */
export function combineGroupGrant(
  parent: Chain,
  charter: Uint8Array,
  statement: Uint8Array,
  signatures: readonly LinkSignature[],
): GrantedCharter {
  const kept = signaturesOf(parent.voters, grantBytes(statement), signatures)
  const { groupId } = childFactsOf(charter, parent)
  assertGranted(kept.length, parent, groupId)
  const granted: GrantedCharter = { charter, parent: shown(parent), grant: { statement, signatures: kept } }
  verifyGrantedCharter(granted, parent)
  return granted
}

/**
 * Why a member of the group above does not take a genuine chain for that of a group below it: its docket decides that, and not who granted
 * the charter when: a group that was moved was granted elsewhere. Whoever has no seat above cannot know it. @returns undefined when the docket lists it so
 */
export function flawOfChild(
  { parent, group, firstCharter }: Chain,
  { charter, groups }: Pick<GroupState, 'charter' | 'groups'>,
): string | undefined {
  if (parent === undefined) return `group ${group} is none of those below ${charter.groupId}`
  const isListed = groups.get(group)?.charterDigest === digestOf(firstCharter.charter)
  return isListed ? undefined : `the docket of ${charter.groupId} does not list group ${group} with this charter`
}

function shown({ firstCharter, links }: Chain): ShownChain {
  return { firstCharter, links }
}

function assertFits(parent: Chain, group: GroupId): void {
  const { length } = encodeChain(shown(parent))
  if (length <= GRANTED_BYTES_MAX - OWN_BYTES_MAX) return
  throw new AncestryTooLargeError(
    `the chains of ${parent.path} and the groups above it take ${length} bytes, too many for a group below to show with its own`,
    {
      hint: 'They have had very many changes of voters: found the group below another one.',
      details: { group, parent: parent.group, bytes: length },
    },
  )
}

/** What the new group adds: its first charter and the signatures under its grant. */
const OWN_BYTES_MAX = 16 * 1_024
