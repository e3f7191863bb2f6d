import type { GroupId, MeshId, PeerIdString } from '@vsmcp/kernel'

/** Whose key a signature is checked with. */
export type Signer =
  /** A node: its key is in its PeerId. */
  | { readonly peer: PeerIdString }
  /** base64url of a raw Ed25519 public key: an operator's, or the mesh's. */
  | { readonly publicKey: string }

/** What a certificate in the docket must say: all of it follows from the state before. */
export interface CertificateFacts {
  /** `link`: of a change of voters or recovery keys. `charter`: of any other change of the charter. */
  readonly kind: 'link' | 'charter'
  readonly mesh: MeshId
  readonly group: GroupId
  readonly epoch: number
  /** Log index of the change. */
  readonly index: number
  /** The link before as the docket carries it; `undefined` when the first charter comes before. */
  readonly previous: string | undefined
  /** Of the charter's canonical bytes before and after, by `Authority.digest`. */
  readonly digestBefore: string
  readonly digestNow: string
  /** Sorted. Equal to each other when `kind` is `charter`. */
  readonly votersBefore: readonly PeerIdString[]
  readonly votersNow: readonly PeerIdString[]
  /** Of a link: the recovery keys of after it, sorted; absent when there are none. */
  readonly recoverers?: readonly string[]
}

/** What an anchor must follow from. */
export interface AnchorFacts {
  readonly mesh: MeshId
  readonly group: GroupId
  /** base64url of the raw public key. */
  readonly meshPublicKey: string
  /** All of the docket, as it carries them. */
  readonly links: readonly string[]
}

/**
 * The cryptography that a group's rules need (rule 5), injected so that this package stays pure. All are synchronous, never
 * throw, and must give the same answer on every node, for ever: what they say decides what an entry does.
 */
export interface Authority {
  /** Whether `signature` is the signer's Ed25519 signature over just these bytes. */
  readonly verifySignature: (signer: Signer, bytes: Uint8Array, signature: Uint8Array) => boolean
  /** Lower-case hex SHA-256. */
  readonly digest: (bytes: Uint8Array) => string
  /** Whether a certificate (base64url, as the docket carries it) says just this and is signed by majorities of the voters before and of those now. */
  readonly verifyCertificate: (certificate: string, facts: CertificateFacts) => boolean
  /**
   * How many links of the docket, from the first on, an anchor stands for, that the mesh key has signed and that says just what they say;
   * 0 for what is none of theirs.
   */
  readonly linksAnchored: (anchor: string, facts: AnchorFacts) => number
}

/** Believes nothing: what needs a proof is refused. Digests are empty, so nothing is ever certified either. */
export const NO_AUTHORITY: Authority = {
  verifySignature: () => false,
  digest: () => '',
  verifyCertificate: () => false,
  linksAnchored: () => 0,
}
