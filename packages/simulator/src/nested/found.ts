import {
  applyEntry,
  type Configuration,
  encodeGroupState,
  encodeOperation,
  FEATURE_LEVEL,
  foundGroup,
  type GroupState,
  type Operation,
  type StoredRaft,
} from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'
import { AUTHORITY, digestOf, GROUP, OPERATOR, OPERATOR_KEY } from '../authority.ts'
import { bytesOf } from '../bytes.ts'
import { WALL_START_MS } from '../constants.ts'
import { type GroupPlan, peerIdOf } from './topology.ts'

/** Voters a group has from the beginning, at most. */
const VOTERS = 5

/** A member that a group is to have from the beginning. */
export interface FirstMember {
  readonly node: number
  readonly zone: string
  readonly unit: string
  /** The child group it speaks for. */
  readonly delegateOf: GroupPlan | undefined
}

export interface FoundedGroup {
  readonly state: GroupState
  /** What every member has stored. */
  readonly stored: StoredRaft
}

/** A group that has lived for a while: all that its docket holds came about by the operations that a real one decides. */
export function foundedGroup(group: GroupPlan, members: readonly FirstMember[]): FoundedGroup {
  const [founder, ...others] = members
  if (founder === undefined) throw new Error(`${group.path} has no members`)
  let state = foundGroup(firstCharter(group, founder.node), recordOf(founder))
  let index = 1
  const decide = (operation: Operation): void => {
    const applied = applyEntry(state, { index: ++index, term: 1, type: 'normal', data: encodeOperation(operation) }, AUTHORITY)
    if (!applied.result.ok) throw new Error(`${operation.op} in ${group.path}: ${applied.result.message}`)
    state = applied.state
  }
  const author = peerIdOf(founder.node)
  const by = { author, atMs: WALL_START_MS }
  for (const child of group.children) {
    decide({ op: 'group:create', id: child.id, name: child.name, charterDigest: sha256Like(child.id), ...by })
  }
  for (const member of others) {
    const id = `i${member.node}`
    const peer = peerIdOf(member.node)
    const { name, addresses, zone } = recordOf(member)
    const delegate = member.delegateOf === undefined ? {} : { delegateOf: member.delegateOf.id }
    const invitation = { verifier: 'A'.repeat(43), role: 'member', zone, uses: 1, expiresAtMs: WALL_START_MS + 60_000 } as const
    decide({ op: 'invitation:create', id, ...invitation, createdBy: author, ...delegate, ...by })
    decide({ op: 'invitation:redeem', id, peer, name, addresses, ...by })
    decide({ op: 'invitation:revoke', id, ...by })
  }
  for (const { node, unit, delegateOf } of members) {
    if (delegateOf === undefined) decide({ op: 'unit:claim', unit, peer: peerIdOf(node), ...by, author: peerIdOf(node) })
  }
  const voters = members
    .filter(({ delegateOf }) => delegateOf === undefined)
    .slice(0, VOTERS)
    .map(({ node }) => peerIdOf(node))
  const odd = voters.length % 2 === 0 ? voters.slice(0, -1) : voters
  const configuration = configurationOf(state.configuration, odd.toSorted(), members)
  const settled = { ...state, configuration, charter: { ...state.charter, voters: configuration.voters } }
  const snapshot = { index, term: 1, configuration, data: encodeGroupState(settled) }
  return { state: settled, stored: { hardState: { term: 1, vote: null, commit: index }, snapshot, entries: [] } }
}

function firstCharter(group: GroupPlan, founder: number): GroupState['charter'] {
  return {
    meshId: GROUP.meshId,
    meshName: 'nested',
    meshPublicKey: 'bWVzaA',
    groupId: group.id,
    path: group.path,
    epoch: 1,
    featureLevel: FEATURE_LEVEL,
    voters: [peerIdOf(founder)],
    policies: {},
    operators: [{ name: OPERATOR, publicKey: OPERATOR_KEY }],
    revocations: [],
    zones: [],
  }
}

function recordOf({ node, zone }: FirstMember): Parameters<typeof foundGroup>[1] {
  const peer = peerIdOf(node)
  const address = `/ip4/10.${(node >> 16) & 255}.${(node >> 8) & 255}.${node & 255}/tcp/4950`
  return { peer, name: `node-${node}`, role: 'member', zone, addresses: [address], joinedAtMs: WALL_START_MS }
}

function configurationOf(before: Configuration, voters: readonly PeerIdString[], members: readonly FirstMember[]): Configuration {
  const learners = members.map(({ node }) => peerIdOf(node)).filter((peer) => !voters.includes(peer))
  return { ...before, voters, learners: learners.toSorted() }
}

/** As long as a real digest. */
function sha256Like(text: string): string {
  return digestOf(bytesOf(text)).repeat(4)
}
