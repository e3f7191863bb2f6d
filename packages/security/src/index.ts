/**
 * Who is who and who may come in: identity and mesh keys, the signed first charter, certified changes of voters, credentials signed
 * by a majority of the voters, the passport shown at a hello, and invitations with the handshake that redeems them.
 * No socket and no timer in here: bytes in, bytes or verdicts out.
 *
 * ```ts
 * const meshKey = generateMeshKey()
 * const founder = generateIdentity()
 * const chain = orThrow(verifyChain({ meshId: meshKey.meshId, firstCharter: signFirstCharter(meshKey, charterBytes), links: [] }))
 * const payload = credentialPayload({ mesh: chain.meshId, group: chain.group, sub: newcomer, …, voterIndex: chain.index, issuedAtMs })
 * const credential = await combineCredential(payload, [await signCredential(founder, payload)], chain.voters)
 * const claims = orThrow(await verifyCredential({ credential, chain, nowMs, revocations: [] }))
 * ```
 */
export { AttemptLimiter, type AttemptLimits } from './attempt-limiter.ts'
export { heardOf, type HeardOf, oldestVouching } from './vouching.ts'
export { orThrow, type Verdict } from './verdict.ts'
export { generateIdentity, type Identity, identityFromProtobuf, loadIdentity, saveIdentity } from './identity.ts'
export { generateMeshKey, loadMeshKey, type MeshKey, meshKeyFromProtobuf, saveMeshKey } from './mesh-key.ts'
export { meshIdOf, verify, withLabel } from './peer-keys.ts'
export {
  endorse,
  generateOperatorKey,
  loadOperatorKey,
  type OperatorKey,
  operatorKeyFromProtobuf,
  saveOperatorKey,
  signAsOperator,
  signAsPeer,
} from './operator-key.ts'
export { type AuthorityInit, groupAuthority, verifySignature } from './authority.ts'
export {
  charterDigest,
  type CharterCertificate,
  charterStatement,
  combineCharter,
  nextCharterStatement,
  signCharter,
  verifyCharterCertificate,
} from './certificate.ts'
export {
  type BundleCheck,
  type Certification,
  type CertifiedCharter,
  type CharterBundle,
  type KnownCharter,
  verifyCharterBundle,
} from './charter-bundle.ts'
export { flawOfSnapshot, type ShownSnapshot, type SnapshotCheck } from './group-snapshot.ts'
export { type RootCharter, signFirstCharter, type SignedCharter } from './first-charter.ts'
export { decodeGroupGrant, type GrantedCharter, type GroupGrant, type GroupGrantStatement, groupIdOf } from './granted-charter.ts'
export {
  type ChildCharter,
  childCharter,
  type ChildCharterInit,
  combineGroupGrant,
  flawOfChild,
  groupToGrant,
  signGroupGrant,
} from './founding.ts'
export { combineLink, decodeLinkStatement, type Link, type LinkSignature, type LinkStatement, signLink } from './link.ts'
export {
  type Chain,
  changesOf,
  decodeChain,
  encodeChain,
  extendChain,
  mustKeepVoters,
  nextLinkStatement,
  type ShownChain,
  verifyChain,
  type VoterChange,
  type VoterEra,
} from './chain.ts'
export { anchoredEra, isAnchored } from './anchor.ts'
export { signAnchor } from './shortening.ts'
export { mergeChain } from './merge-chain.ts'
export { newestRecovery, type Recovery, type RecoveryChange, signRecovery } from './recovery.ts'
export {
  combineCredential,
  type Credential,
  type CredentialClaims,
  type CredentialPart,
  credentialPayload,
  type CredentialRequest,
  decodeCredential,
  decodeCredentialPayload,
  signCredential,
} from './credential.ts'
export { type CredentialCheck, isInForce, type Revocation, verifyCredential } from './verify-credential.ts'
export {
  decodePassport,
  encodePassport,
  groupsShown,
  type Life,
  type Papers,
  type Passport,
  type PassportCheck,
  type VerifiedPassport,
  verifyPassport,
} from './passport.ts'
export { bundleOf, passportsIn, type ShownPassport } from './passport-bundle.ts'
export { checkInvitation, createInvitation, type Invitation, type InvitationInit, type InvitationMade } from './invitation.ts'
export { decodeToken, encodeToken } from './token.ts'
export { makeProof, type ProofInput, verifierOf, verifyProof } from './proof.ts'
export {
  decodeJoinGrant,
  decodeRedeemRequest,
  encodeJoinGrant,
  encodeRedeemRequest,
  type JoinGrant,
  type RedeemRequest,
} from './join-messages.ts'
export {
  type JoinExchange,
  type JoinOutcome,
  type JoinServer,
  joinServer,
  type JoinServerComponents,
  type JoinServerInit,
} from './join-server.ts'
export { type Joined, type JoinerInit, type JoinerSession, joinerSession, runJoin } from './joiner-session.ts'
export {
  CLOCK_SKEW_MS,
  CREDENTIAL_LIFE_MS,
  JOIN_MESSAGE_BYTES_MAX,
  LINKS_MAX,
  PASSPORT_BYTES_MAX,
  VOUCHING_ERAS_MAX,
} from './constants.ts'
export * from './errors.ts'
