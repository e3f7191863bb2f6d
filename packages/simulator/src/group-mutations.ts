import type { Mutation } from './mutation.ts'

const GROUP = 'packages/consensus/src/group'
const SIMULATOR = 'packages/simulator/src'

/** No life has as many changes of voters as stay beside an anchor. */
const FEW_BESIDE_AN_ANCHOR: Mutation['also'] = [
  {
    file: 'packages/consensus/src/constants.ts',
    find: 'export const LINKS_BESIDE_ANCHOR = 16',
    replace: 'export const LINKS_BESIDE_ANCHOR = 1',
  },
]

/** What a group decides, and who may. */
export const GROUP_MUTATIONS: readonly Mutation[] = [
  {
    name: 'redeem an invitation too often',
    file: `${GROUP}/invitations.ts`,
    find: 'if (invitation.used >= invitation.uses) {',
    replace: 'if (invitation.used > invitation.uses) {',
    seedsMax: 100,
  },
  {
    name: 'redeem an invitation that has ended',
    file: `${GROUP}/invitations.ts`,
    find: "if (invitation.expiresAtMs <= atMs) return refused(state, 'invitation-expired', `the invitation ${id} has expired`)",
    replace: '',
    seedsMax: 100,
  },
  {
    name: 'let in again who was evicted',
    file: `${GROUP}/invitations.ts`,
    find: 'if (isRevoked(state, peer)) {',
    replace: 'if (isRevoked(state, peer) && false) {',
    seedsMax: 300,
  },
  {
    name: 'act after eviction',
    file: `${GROUP}/apply-entry.ts`,
    find: 'if (!state.members.has(operation.author)) {',
    replace: 'if (!state.members.has(operation.author) && false) {',
    seedsMax: 300,
  },
  {
    name: 'believe any operator',
    file: `${GROUP}/proofs.ts`,
    find: 'if (isSignedBy({ publicKey }, operationStatement(charter, operation), operation.signature, authority)) return undefined',
    replace:
      'if (isSignedBy({ publicKey }, operationStatement(charter, operation), operation.signature, authority) || true) return undefined',
    seedsMax: 50,
  },
  {
    name: 'remove a member on anybody’s word',
    file: `${GROUP}/proofs.ts`,
    find: 'if (isSignedBy({ peer }, operationStatement(charter, operation), operation.signature, authority)) return undefined',
    replace:
      'if (isSignedBy({ peer }, operationStatement(charter, operation), operation.signature, authority) || true) return undefined',
    seedsMax: 100,
  },
  {
    name: 'policies set over a newer version',
    file: `${GROUP}/policies.ts`,
    find: "if (expects !== current) return refusedVersion(state, 'the policies', expects, current)",
    replace: "if (expects > current) return refusedVersion(state, 'the policies', expects, current)",
    seedsMax: 20,
  },
  {
    name: 'take a certificate that too few signed',
    file: `${GROUP}/links.ts`,
    find: "if (!authority.verifyCertificate(certificate, { kind: 'link', previous, ...facts })) {",
    replace: 'if (certificate === `${String(facts)}${previous}`) {',
    seedsMax: 300,
  },
  {
    name: 'take an anchor that the mesh key has not signed',
    file: `${GROUP}/links.ts`,
    find: 'const count = authority.linksAnchored(anchor, known)',
    replace: 'const count = authority.linksAnchored(anchor, known) || links.length - LINKS_BESIDE_ANCHOR',
    also: FEW_BESIDE_AN_ANCHOR,
    seedsMax: 300,
  },
  {
    name: 'shorten away the links that vouch for members',
    file: `${GROUP}/links.ts`,
    find: 'if (links.length - count < LINKS_BESIDE_ANCHOR) {',
    replace: 'if (links.length - count < 0) {',
    also: FEW_BESIDE_AN_ANCHOR,
    seedsMax: 300,
  },
  {
    name: 'sign before commit',
    file: `${SIMULATOR}/duties.ts`,
    find: 'if (!host.mayVote || own === undefined || !same(own, facts)) return undefined',
    replace: 'void own',
    seedsMax: 300,
  },
  {
    name: 'found a removed group again',
    file: `${GROUP}/groups.ts`,
    find: 'if (state.removedGroups.includes(id)) {\n    return refused',
    replace: 'if (state.removedGroups.includes(id) && false) {\n    return refused',
    seedsMax: 200,
  },
  {
    name: 'found two groups of one name',
    file: `${GROUP}/groups.ts`,
    find: 'const other = groupNamed(state, name)',
    replace: 'const other = groupNamed({ ...state, groups: state.groups.without(groupNamed(state, name)?.[0] ?? "") }, name)',
    seedsMax: 100,
  },
  {
    name: 'give a unit the name of a group',
    file: `${GROUP}/units.ts`,
    find: 'return child === undefined || delegatesOf(state, child).includes(peer)',
    replace: 'return child === undefined || delegatesOf(state, child).includes(peer) || true',
    seedsMax: 100,
  },
  {
    name: 'remove a group that has delegates',
    file: `${GROUP}/groups.ts`,
    find: 'if (delegate !== undefined) {',
    replace: 'if (delegate !== undefined && false) {',
    seedsMax: 1_200,
  },
  {
    name: 'make a delegate of a group that is gone',
    file: `${GROUP}/invitations.ts`,
    find: 'const flaw = flawOfDelegate(state, invitation.delegateOf)',
    replace: 'const flaw = flawOfDelegate(state, invitation.delegateOf && undefined)',
    seedsMax: 3_000,
  },
  {
    name: 'grant a group that is not decided so',
    file: `${GROUP}/groups.ts`,
    find: 'return listed?.charterDigest === charterDigest && listed.founder === founder && listed.name === name',
    replace: 'return true || (listed?.charterDigest === charterDigest && listed.founder === founder && listed.name === name)',
    seedsMax: 20,
  },
]
