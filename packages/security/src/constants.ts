// ── Keys and signatures ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Bytes of a raw Ed25519 public key and of its seed (RFC 8032). */
export const KEY_BYTES = 32

/** Bytes of an Ed25519 signature (RFC 8032). */
export const SIGNATURE_BYTES = 64

/** Bytes of the mesh key's SHA-256 that name the mesh: 128 bits, so that no second key with the same id can be found. */
export const MESH_ID_BYTES = 16

/** Bytes of a key file: libp2p's protobuf of an Ed25519 private key has 68; what is larger is some other file. */
export const KEY_FILE_BYTES_MAX = 1_024

/** Public keys kept decoded, some 1 KiB each: as many as a large group has members, and strangers push out only the least used. */
export const PUBLIC_KEYS_CACHED_MAX = 4_096

/** First bytes of everything that is signed: one purpose each, so that no signature passes for another. */
export const CHARTER_LABEL = 'vsmcp first charter 1'
export const LINK_LABEL = 'vsmcp voters link 1'
export const RECOVERY_LABEL = 'vsmcp recovery link 1'
export const ANCHOR_LABEL = 'vsmcp anchor link 1'
export const CERTIFICATE_LABEL = 'vsmcp charter certificate 1'
export const GRANT_LABEL = 'vsmcp group grant 1'

// ── Charter and links ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Voters of a group (rule 7 of the design). */
export const VOTERS_MAX = 7

/** Index of the first era: lower than every index of the log. */
export const FIRST_ERA_INDEX = 0

/** Index of the log at which the first charter stands. */
export const FIRST_INDEX = 1

/** Bytes of the first charter: a name, a key, one voter and the first policies. */
export const CHARTER_BYTES_MAX = 16 * 1_024

/** Bytes of the SHA-256 that names a group below the root: 160 bits, so that not even its founder finds two charters of one id. */
export const GROUP_ID_BYTES = 20

/**
 * Bytes of a granted first charter with the chains of all groups above it, as sent (deflated): beside it the chain of the group itself,
 * however long, fits into a passport (asserted by a test). The chain of five voters takes a third of a KiB per link.
 */
export const GRANTED_BYTES_MAX = 112 * 1_024

/** Bytes of a link's statement: two times seven PeerIds, eight recovery keys, three digests and room for fields of later versions. */
export const STATEMENT_BYTES_MAX = 4 * 1_024

/** Changes of voters that an anchor lists, the newest of those it stands for: two chains full to the brim. */
export const ANCHOR_PAST_MAX = 512

/** Bytes of the digest by which an anchor lists a change: nobody finds a second one for any of 512 (2^87 tries). */
export const ANCHOR_PAST_BYTES = 12

/** Bytes of an anchor's statement: a link's, and 16 characters for each change listed. */
export const ANCHOR_BYTES_MAX = STATEMENT_BYTES_MAX + 8 * 1_024

/** Changes of voters in a chain: as many as a docket keeps. Each must be shown at every hello; 256 of seven voters fit into one (asserted by a test). */
export { LINKS_MAX } from '@vsmcp/consensus'

/** Recovery keys that a link names: as many as a charter may. */
export { RECOVERERS_MAX } from '@vsmcp/consensus'

// ── Credentials ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Milliseconds a credential lives unless told otherwise: 90 days, renewed before. */
export const CREDENTIAL_LIFE_MS = 90 * 86_400_000

/** Milliseconds by which clocks may differ: 5 minutes, as in Kerberos. */
export const CLOCK_SKEW_MS = 5 * 60_000

/**
 * Voter sets that still vouch: the newest so many. Who voted before signs nothing any more that is believed, however it is dated;
 * members have their credentials renewed long before theirs drop out.
 */
export const VOUCHING_ERAS_MAX = 16

/** `typ` of the protected header (RFC 7515 §4.1.9): nothing else that a voter signs carries it. */
export const CREDENTIAL_TYPE = 'vsmcp-credential+json'

/** Characters of a credential's base64url payload: names of 64 characters at four bytes each, ids, and room for later claims. */
export const CREDENTIAL_PAYLOAD_LENGTH_MAX = 8 * 1_024

/** Characters of a protected header: `alg`, `typ` and a PeerId take 130. */
export const CREDENTIAL_HEADER_LENGTH_MAX = 512

// ── What is shown and sent ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Papers of further groups in one passport, beside the first. Each is verified only by a node that has a seat in that group, too. */
export const PASSPORT_OTHERS_MAX = 8

/** Bytes of a passport as sent (deflated), papers of further groups included. Under the 256 KiB of one hello message. */
export const PASSPORT_BYTES_MAX = 240 * 1_024

/** Bytes of one message of a join as sent (deflated): a passport and little more. */
export const JOIN_MESSAGE_BYTES_MAX = 256 * 1_024

/** Bytes of anything here once inflated: what a stranger can make us hold for a moment. A full chain below full ones takes 1.2 MiB. */
export const INFLATED_BYTES_MAX = 1_536 * 1_024

/** UTF-16 units of names of nodes and zones. */
export const LABEL_LENGTH_MAX = 64

/** Characters of one multiaddr. */
export const ADDRESS_LENGTH_MAX = 256

/** Addresses of one node. */
export const ADDRESSES_MAX = 16

/** Characters of the program's version, as in semver with build metadata. */
export const VERSION_LENGTH_MAX = 64

// ── Invitations and joining ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Bytes of an invitation's id: 128 bits cannot be guessed or met by chance. */
export const INVITATION_ID_BYTES = 16

/** Bytes of an invitation's secret, and of the verifier derived from it. */
export const SECRET_BYTES = 32

/** Bytes of each side's nonce. */
export const NONCE_BYTES = 32

/** Bytes of an HMAC-SHA256. */
export const PROOF_BYTES = 32

/** Addresses in a token: it must stay short enough to paste. */
export const TOKEN_ADDRESSES_MAX = 8

/** Inviters in a token, 32 bytes each. */
export const TOKEN_INVITERS_MAX = 8

/** Characters of a token: all its bounds reached take some 3,600. */
export const TOKEN_LENGTH_MAX = 4_096

/** Times an invitation may be used: members of a group. */
export const INVITATION_USES_MAX = 10_000

/** Members whose addresses a newcomer is given: enough to find all others through them. */
export const GRANT_PEERS_MAX = 64

/** Characters of an error code, of its message and of its hint, as a refusal carries them. */
export const REFUSAL_CODE_LENGTH_MAX = 64
export const REFUSAL_TEXT_LENGTH_MAX = 1_000

/** Attempts to join per peer and per address and minute: a person who mistypes makes fewer. */
export const JOIN_ATTEMPTS_PER_MINUTE = 10

/** Attempts to join at one node per minute, whoever they are from: PeerIds cost nothing, so each alone bounds little. */
export const JOIN_ATTEMPTS_PER_MINUTE_IN_ALL = 600

/** Peers and addresses whose attempts are counted; beyond it the least recent is forgotten, the count of all holds. */
export const JOIN_ATTEMPT_KEYS_MAX = 4_096
