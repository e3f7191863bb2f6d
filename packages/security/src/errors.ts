import { VsmcpError, type VsmcpErrorOptions } from '@vsmcp/kernel'
import type { CredentialClaims } from './credential.ts'

/** There is no key file where one is needed. */
export class KeyFileMissingError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_KEY_MISSING'
}
/** Others on this machine may read the key file. */
export class KeyFileExposedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_KEY_EXPOSED'
}
/** What is in the key file is no Ed25519 private key of ours. */
export class KeyFileMalformedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_KEY_MALFORMED'
}
/** A key stands there already, and a key is never overwritten. */
export class KeyFileExistsError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_KEY_EXISTS'
}

/** A charter, most often the first, cannot be read, is out of bounds, or contradicts its chain. */
export class CharterMalformedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CHARTER_MALFORMED'
}
/** The first charter is not signed by the key of the mesh it names. */
export class CharterForgedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CHARTER_FORGED'
}
/** The first charter is that of another mesh. */
export class CharterOtherMeshError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CHARTER_OTHER_MESH'
}

/** A charter is not the one that its certificate, link or the mesh key vouches for: it was altered, or changed after it was signed. */
export class CharterUncertifiedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CHARTER_UNCERTIFIED'
}
/** A charter is older than one that is known. */
export class CharterStaleError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CHARTER_STALE'
}
/** A charter is shown without the changes of voters that lead to it. */
export class CharterTruncatedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CHARTER_TRUNCATED'
}
/** Two different charters of the same change are both certified. */
export class CharterForkedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CHARTER_FORKED'
}

/** The certificate of a charter cannot be read or is out of bounds. */
export class CertificateMalformedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CERTIFICATE_MALFORMED'
}
/** A signature under the certificate of a charter is wrong, or by somebody who had no vote. */
export class CertificateForgedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CERTIFICATE_FORGED'
}
/** The certificate of a charter lacks the signatures of a majority of the voters. */
export class CertificateSignaturesError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CERTIFICATE_SIGNATURES'
}

/** What grants a group its first charter cannot be read or is out of bounds. */
export class GroupGrantMalformedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_GROUP_GRANT_MALFORMED'
}
/** A signature under the grant of a group is wrong, or by somebody who had no vote in the group above. */
export class GroupGrantForgedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_GROUP_GRANT_FORGED'
}
/** The grant of a group lacks the signatures of a majority of the voters above it. */
export class GroupGrantSignaturesError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_GROUP_GRANT_SIGNATURES'
}
/** The grant shown with a group is that of another mesh, parent, group or charter, or of other voters. */
export class GroupGrantDiffersError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_GROUP_GRANT_DIFFERS'
}
/** A group is not, or not so, in the docket of the group above: its voters sign nothing else. */
export class GroupNotListedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_GROUP_NOT_LISTED'
}
/** The chains of all groups above would not fit beside that of the new group into what is shown at a hello. */
export class AncestryTooLargeError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_ANCESTRY_TOO_LARGE'
}

/** A link, or a stored chain of links, cannot be read or is out of bounds. */
export class LinkMalformedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_LINK_MALFORMED'
}
/** A signature under a link is wrong, or by somebody who had no vote. */
export class LinkForgedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_LINK_FORGED'
}
/** A link lacks the signatures of a majority of the voters before or of those now. */
export class LinkSignaturesError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_LINK_SIGNATURES'
}
/** The link that starts a new epoch is not signed by the mesh's key. */
export class RecoveryForgedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_RECOVERY_FORGED'
}
/** A recovery was asked for with the key of another mesh, or with one that the charter before does not name for it. */
export class RecoveryKeyForeignError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_RECOVERY_KEY_FOREIGN'
}
/** An epoch was started with a recovery key that was removed, as is known here. */
export class RecoveryKeyRemovedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_RECOVERY_KEY_REMOVED'
}
/** Two recoveries started the same epoch: neither may decide until a person has chosen one. */
export class RecoveryRivalsError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_RECOVERY_RIVALS'
}
/** A chain begins with an anchor that is not signed by the mesh's key, or says what the links known here do not. */
export class AnchorForgedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_ANCHOR_FORGED'
}
/** The chain is too short to be shortened: an anchor leaves as many links beside it as there are voter sets that vouch. */
export class AnchorNeedlessError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_ANCHOR_NEEDLESS'
}
/** An anchor was asked for with the key of another mesh. */
export class AnchorKeyForeignError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_ANCHOR_KEY_FOREIGN'
}
/** A link does not follow from the one before: something is missing, in the wrong order, or of another mesh. */
export class ChainBrokenError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CHAIN_BROKEN'
}
/** Two chains of one mesh, both signed, contradict each other. */
export class ChainForkedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CHAIN_FORKED'
}
/** The chain of one group was shown where that of another is known. */
export class ChainOtherGroupError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CHAIN_OTHER_GROUP'
}
/** The chain has as many links as it may have. */
export class ChainFullError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CHAIN_FULL'
}
/** A member shows a chain that does not reach what the invitation names. */
export class ChainBehindError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CHAIN_BEHIND'
}

/** The credential cannot be read, or its claims are out of bounds. */
export class CredentialMalformedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CREDENTIAL_MALFORMED'
}
/** Genuine, but its time is over; it may still be renewed. */
export class CredentialExpiredError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CREDENTIAL_EXPIRED'
  readonly claims: CredentialClaims

  constructor(message: string, claims: CredentialClaims, options: VsmcpErrorOptions = {}) {
    super(message, options)
    this.claims = claims
  }
}
/** Genuine, but its time is yet to come: one of the clocks is wrong. */
export class CredentialNotYetValidError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CREDENTIAL_NOT_YET_VALID'
}
/** A credential of another mesh or group. */
export class CredentialOtherMeshError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CREDENTIAL_OTHER_MESH'
}
/** A signature in the name of a voter is not the voter's. */
export class CredentialForgedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CREDENTIAL_FORGED'
}
/** Fewer than a majority of the voters signed. */
export class CredentialSignaturesError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CREDENTIAL_SIGNATURES'
}
/** The group took it back. */
export class CredentialRevokedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CREDENTIAL_REVOKED'
}
/** Signed by a voter set that the chain at hand does not have, or that vouches no longer. */
export class CredentialVotersUnknownError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_CREDENTIAL_VOTERS_UNKNOWN'
}

/** What a peer showed at the hello cannot be read or is out of bounds. */
export class PassportMalformedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_PASSPORT_MALFORMED'
}
/** A peer showed no papers of the group asked for. */
export class PassportOtherGroupError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_PASSPORT_OTHER_GROUP'
}
/** A peer showed somebody else's credential. */
export class PassportForeignError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_PASSPORT_FOREIGN'
}

/** This text is no invitation token. */
export class TokenMalformedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_TOKEN_MALFORMED'
}
/** The token's end is missing. */
export class TokenCutShortError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_TOKEN_CUT_SHORT'
}
/** Characters of the token were changed: its checksum is wrong. */
export class TokenMistypedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_TOKEN_MISTYPED'
}
/** The token's time is over. */
export class TokenExpiredError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_TOKEN_EXPIRED'
}
/** The token is for another mesh. */
export class TokenOtherMeshError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_TOKEN_OTHER_MESH'
}

/** Unknown invitation or wrong proof: on purpose one error, so that guessing teaches nothing. */
export class InvitationRefusedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_INVITATION_REFUSED'

  constructor(
    message = 'the invitation is not known here, or the token does not belong to it',
    options: VsmcpErrorOptions = { hint: 'Ask for a new token: `vsmcp invite` on a member.' },
  ) {
    super(message, options)
  }
}
/** A message of the join handshake cannot be read, or came out of turn. */
export class JoinMessageError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_JOIN_MESSAGE'
}
/** Too many attempts within a minute. */
export class JoinRateError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_JOIN_RATE'
}
/** The member has no seat in the group that the invitation is to. */
export class JoinOtherGroupError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_JOIN_OTHER_GROUP'
}
/** The member could not complete the join, through no fault of the joiner. */
export class JoinFailedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_JOIN_FAILED'
}
/** What was granted is not what the invitation promised. */
export class JoinGrantMismatchError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_JOIN_GRANT_MISMATCH'
}
/** The member refused; `remoteCode` is the code it gave. */
export class JoinRefusedError extends VsmcpError {
  readonly code = 'VSMCP_SECURITY_JOIN_REFUSED'
  readonly remoteCode: string

  constructor(remoteCode: string, message: string, options: VsmcpErrorOptions = {}) {
    super(message, options)
    this.remoteCode = remoteCode
  }
}
