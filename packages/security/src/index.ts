/**
 * Who is who and who may come in: identity and mesh keys, the signed first charter, certified changes of voters, credentials signed
 * by a majority of the voters, the passport shown at a hello, and invitations with the handshake that redeems them.
 * No socket and no timer in here: bytes in, bytes or verdicts out.
 */
import type { GroupId, MeshId, PeerIdString, VsmcpError } from '@vsmcp/kernel'

/** Either the value or the typed refusal; refusing a peer is routine, so it is not thrown. */
export type Verdict<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: VsmcpError }
/** Unwraps a verdict: gives the value or throws the refusal. */
export declare function orThrow<T>(verdict: Verdict<T>): T

// ── Keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A node's Ed25519 key. Serializes (JSON, inspect) to its PeerId only. */
export interface Identity {
  readonly peerId: PeerIdString
  /** libp2p's protobuf form of the private key. Secret: for libp2p and the key file only. */
  readonly privateKeyProtobuf: Uint8Array
  /** 64 bytes, synchronous. What is signed begins with a label of its own purpose: see `withLabel`. */
  sign(bytes: Uint8Array): Uint8Array
}

/** The key whose digest names the mesh; it signs the first charter and nothing after. */
export interface MeshKey {
  readonly meshId: MeshId
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
  readonly privateKeyProtobuf: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

export declare function generateIdentity(): Identity
export declare function identityFromProtobuf(bytes: Uint8Array): Identity
/** Throws `KeyFileMissingError`, `KeyFileExposedError` (others may read it) or `KeyFileMalformedError`. */
export declare function loadIdentity(file: string): Promise<Identity>
/** Writes mode 0600, whole or not at all, fsynced. Throws `KeyFileExistsError`: a key is never overwritten. */
export declare function saveIdentity(file: string, identity: Identity): Promise<void>
export declare function generateMeshKey(): MeshKey
export declare function meshKeyFromProtobuf(bytes: Uint8Array): MeshKey
export declare function loadMeshKey(file: string): Promise<MeshKey>
export declare function saveMeshKey(file: string, key: MeshKey): Promise<void>
/** Hex of the first 16 bytes of the SHA-256 of the raw public key. */
export declare function meshIdOf(publicKey: Uint8Array): MeshId
/** True only for an Ed25519 PeerId and its signature over just these bytes; never throws. Keys are cached. */
export declare function verify(peer: PeerIdString, bytes: Uint8Array, signature: Uint8Array): boolean
/** `label ‖ 0x00 ‖ bytes`: keeps a signature made for one purpose from being used for another. */
export declare function withLabel(label: string, bytes: Uint8Array): Uint8Array

// ── The charter's chain of trust ────────────────────────────────────────────────────────────────────────────────────────────────

/** The first charter as carried, with the mesh key's signature over it. */
export interface SignedCharter {
  readonly meshPublicKey: Uint8Array
  readonly charter: Uint8Array
  readonly signature: Uint8Array
}

export declare function signFirstCharter(meshKey: MeshKey, charter: Uint8Array): SignedCharter

/** What a change of voters certifies. Digests are hex SHA-256 over bytes as carried. */
export interface LinkStatement {
  readonly mesh: MeshId
  readonly group: GroupId
  readonly epoch: number
  readonly index: number
  /** Digest of the statement of the link before, or of the first charter: nothing can be cut out of the middle. */
  readonly previous: string
  readonly digestBefore: string
  readonly digestNow: string
  readonly votersBefore: readonly PeerIdString[]
  readonly votersNow: readonly PeerIdString[]
}

export interface LinkSignature {
  readonly peer: PeerIdString
  readonly signature: Uint8Array
}

/** A statement as carried and the signatures of a majority of the voters before and of a majority of those now. */
export interface Link {
  readonly statement: Uint8Array
  readonly signatures: readonly LinkSignature[]
}

/** A voter set and since when it stands. */
export interface VoterEra {
  readonly epoch: number
  readonly index: number
  readonly voters: readonly PeerIdString[]
  /** Digest of the link's statement, or of the first charter. */
  readonly digest: string
}

/** A verified chain; only `verifyChain` and `extendChain` make one. */
export interface Chain {
  readonly meshId: MeshId
  readonly group: GroupId
  readonly firstCharter: SignedCharter
  readonly links: readonly Link[]
  /** One per voter set, the first charter's first. */
  readonly eras: readonly VoterEra[]
  /** Of the newest era. */
  readonly voters: readonly PeerIdString[]
  readonly epoch: number
  readonly index: number
}

/** The statement every voter signs for the next change, the same bytes at each of them: what is not given comes from the chain. */
export declare function nextLinkStatement(
  chain: Chain,
  change: { epoch: number; index: number; digestBefore: string; digestNow: string; votersNow: readonly PeerIdString[] },
): Uint8Array
export declare function decodeLinkStatement(statement: Uint8Array): LinkStatement
/** Signs a statement; sign only what is committed. */
export declare function signLink(identity: Identity, statement: Uint8Array): LinkSignature
/** Drops wrong and foreign signatures; throws `LinkSignaturesError` when what is left is not a majority of both voter sets. */
export declare function combineLink(statement: Uint8Array, signatures: readonly LinkSignature[]): Link
/** Offline: from the mesh id alone to the voters of now. */
export declare function verifyChain(input: {
  meshId: MeshId
  firstCharter: SignedCharter
  links: readonly Link[]
}): Verdict<Chain>
export declare function extendChain(chain: Chain, link: Link): Verdict<Chain>
/** First charter and links, for storing and sending. */
export declare function encodeChain(chain: Pick<Chain, 'firstCharter' | 'links'>): Uint8Array
export declare function decodeChain(bytes: Uint8Array): Pick<Chain, 'firstCharter' | 'links'>

// ── Credentials ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface CredentialClaims {
  readonly mesh: MeshId
  readonly group: GroupId
  readonly sub: PeerIdString
  readonly name: string
  readonly zone: string
  readonly role: string
  /** Seconds since the Unix epoch, as in every JWS. */
  readonly iat: number
  readonly exp: number
  readonly jti: string
  /** `index` of the era whose voters sign. */
  readonly voterIndex: number
}

/** JWS General JSON Serialization (RFC 7515 §7.2.1), EdDSA, `kid` = PeerId of the voter. */
export interface Credential {
  readonly payload: string
  readonly signatures: readonly { readonly protected: string; readonly signature: string }[]
}

/** JWS Flattened JSON Serialization: one voter's part. */
export interface CredentialPart {
  readonly payload: string
  readonly protected: string
  readonly signature: string
}

/** Revokes every credential of a peer, or one credential by its `jti`. */
export type Revocation = { readonly peer: PeerIdString } | { readonly jti: string }

/** Fills `iat`, `exp` (90 days unless told) and checks the rest; every voter signs the bytes this gives. */
export declare function credentialPayload(
  claims: Omit<CredentialClaims, 'iat' | 'exp'> & { issuedAtMs: number; lifeMs?: number },
): Uint8Array
export declare function decodeCredentialPayload(payload: Uint8Array): CredentialClaims
export declare function signCredential(identity: Identity, payload: Uint8Array): Promise<CredentialPart>
/** Drops wrong and foreign parts; throws `CredentialSignaturesError` when what is left is not a majority of `voters`. */
export declare function combineCredential(
  payload: Uint8Array,
  parts: readonly CredentialPart[],
  voters: readonly PeerIdString[],
): Promise<Credential>
export declare function verifyCredential(input: {
  credential: Credential
  chain: Chain
  nowMs: number
  revocations: readonly Revocation[]
  /** Eras before this index no longer vouch for anybody. @default 0 */
  oldestVoterIndex?: number
}): Promise<Verdict<CredentialClaims>>

// ── Passport ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a node shows at a hello. */
export interface Passport {
  readonly credential: Credential
  readonly firstCharter: SignedCharter
  readonly links: readonly Link[]
  /** Wire versions spoken, and the feature level. */
  readonly wire: { readonly min: number; readonly max: number; readonly level: number }
  readonly name: string
  /** Multiaddrs under which it can be dialed. */
  readonly addresses: readonly string[]
  /** Version of the program, for people. */
  readonly version: string
}

export interface VerifiedPassport {
  readonly claims: CredentialClaims
  readonly passport: Passport
  /** The longer of the chain shown and the chain known. */
  readonly chain: Chain
  /** True when the peer knew changes of voters that we did not: keep `chain`. */
  readonly extendsKnown: boolean
}

export declare function encodePassport(passport: Passport): Uint8Array
export declare function decodePassport(bytes: Uint8Array): Passport
export declare function verifyPassport(
  peer: PeerIdString,
  payload: Uint8Array,
  known: {
    meshId: MeshId
    nowMs: number
    revocations: readonly Revocation[]
    knownChain?: Chain | undefined
    oldestVoterIndex?: number
  },
): Promise<Verdict<VerifiedPassport>>

// ── Invitations ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Invitation {
  readonly meshId: MeshId
  /** Digest of the newest era the inviter knew: a chain shown to the joiner must contain it. */
  readonly newestEra: string
  /** Hex, 16 bytes. */
  readonly id: string
  /** 32 bytes. Never leaves joiner and inviter; only `verifierOf(secret)` goes to the docket. */
  readonly secret: Uint8Array
  readonly group: GroupId
  readonly zone: string
  readonly role: string
  readonly uses: number
  readonly expiresAtMs: number
  readonly addresses: readonly string[]
  readonly inviters: readonly PeerIdString[]
}

export interface InvitationInit {
  chain: Chain
  zone: string
  role: string
  /** @default 1 */
  uses?: number
  expiresAtMs: number
  addresses: readonly string[]
  inviters: readonly PeerIdString[]
}

/** Makes id and secret. `verifier` is what the docket keeps. */
export declare function createInvitation(init: InvitationInit): { invitation: Invitation; token: string; verifier: Uint8Array }
export declare function encodeToken(invitation: Invitation): string
/** Throws `TokenMalformedError`, `TokenCutShortError` or `TokenMistypedError`. Whitespace in it is ignored. */
export declare function decodeToken(token: string): Invitation
/** Throws `TokenExpiredError` or `TokenOtherMeshError`. */
export declare function checkInvitation(invitation: Invitation, now: { nowMs: number; meshId?: MeshId }): void
/** HKDF-SHA256 of the secret: what the docket keeps and the proof is keyed with. */
export declare function verifierOf(secret: Uint8Array): Uint8Array

// ── Joining ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One `/vsmcp/join/1` stream, message by message. The transport bounds size and time. */
export interface JoinExchange {
  send(message: Uint8Array): Promise<void>
  receive(): Promise<Uint8Array>
}

export interface ProofInput {
  readonly joiner: PeerIdString
  readonly member: PeerIdString
  readonly nonceJ: Uint8Array
  readonly nonceM: Uint8Array
}

export declare function makeProof(verifier: Uint8Array, input: ProofInput): Uint8Array
/** Constant time; without a verifier (unknown invitation) it does the same work and says no. */
export declare function verifyProof(verifier: Uint8Array | undefined, input: ProofInput, proof: Uint8Array): boolean

/** What a joiner asks for, as it goes to whoever redeems (the leader). */
export interface RedeemRequest extends ProofInput {
  readonly invitationId: string
  readonly proof: Uint8Array
  readonly name: string
  readonly addresses: readonly string[]
}
export declare function encodeRedeemRequest(request: RedeemRequest): Uint8Array
export declare function decodeRedeemRequest(bytes: Uint8Array): RedeemRequest

export interface JoinGrant {
  readonly credential: Credential
  readonly firstCharter: SignedCharter
  readonly links: readonly Link[]
  readonly peers: readonly { readonly peer: PeerIdString; readonly addresses: readonly string[] }[]
}
export declare function encodeJoinGrant(grant: JoinGrant): Uint8Array
export declare function decodeJoinGrant(bytes: Uint8Array): JoinGrant

export interface JoinServerInit {
  /** Attempts per peer and per address and minute. @default 10 */
  attemptsPerMinute?: number
}
export interface JoinServerComponents {
  readonly self: PeerIdString
  /** Monotonic, for the rate limit. */
  monotonicMs(): number
  passport(): Promise<Uint8Array>
  /**
   * Redeems once and for all: a docket entry. For an unknown invitation and for a wrong proof it throws the same
   * `InvitationRefusedError`; what else is wrong (expired, used up) is told only after the proof was right.
   */
  redeem(request: RedeemRequest): Promise<JoinGrant>
}
/** Serves one exchange after the other; never rejects because of what a stranger sent, the refusal goes to the stranger. */
export declare const joinServer: (
  init?: JoinServerInit,
) => (
  components: JoinServerComponents,
) => (peer: PeerIdString, exchange: JoinExchange, remoteAddress?: string) => Promise<JoinOutcome>
export type JoinOutcome =
  | { readonly joined: true; readonly claims: CredentialClaims }
  | { readonly joined: false; readonly code: string; readonly message: string }

export interface JoinerInit {
  readonly invitation: Invitation
  readonly self: PeerIdString
  readonly name: string
  readonly addresses: readonly string[]
}

export interface Joined {
  readonly claims: CredentialClaims
  readonly credential: Credential
  readonly chain: Chain
  readonly peers: JoinGrant['peers']
}

/** The joiner's side, one session per member tried. Methods in this order, each once. */
export interface JoinerSession {
  start(): Uint8Array
  /** Verifies the mesh by the member's passport before anything secret is used. */
  answerOffer(member: PeerIdString, offer: Uint8Array, nowMs: number): Promise<Uint8Array>
  /** Throws `JoinRefusedError` with the member's code and message when it was refused. */
  acceptGrant(grant: Uint8Array, nowMs: number): Promise<Joined>
}
export declare function joinerSession(init: JoinerInit): JoinerSession
/** Runs a session over an exchange with an authenticated member. */
export declare function runJoin(
  session: JoinerSession,
  member: PeerIdString,
  exchange: JoinExchange,
  nowMs: () => number,
): Promise<Joined>
