import { randomBytes } from 'node:crypto'
import { type Charter, type GroupState, readCharter, Table } from '@vsmcp/consensus'
import {
  type Chain,
  type ChildCharter,
  childCharter,
  type ChildCharterInit,
  combineGroupGrant,
  combineCredential,
  combineLink,
  type Credential,
  credentialPayload,
  type CredentialRequest,
  extendChain,
  generateIdentity,
  generateMeshKey,
  type GrantedCharter,
  groupToGrant,
  type Identity,
  type Link,
  type MeshKey,
  nextLinkStatement,
  orThrow,
  type Passport,
  type RootCharter,
  signCredential,
  signFirstCharter,
  signGroupGrant,
  signLink,
  verifyChain,
  type VoterChange,
} from '../src/index.ts'

export const NOW_MS = Date.UTC(2027, 0, 15)
export const DAY_MS = 86_400_000

export const sha = (letter: string): string => letter.repeat(64)

/** A `Charter` of this mesh as JSON bytes. */
export function charterBytes(meshKey: MeshKey, voters: readonly string[], change: object = {}): Uint8Array {
  const charter = {
    meshId: meshKey.meshId,
    meshName: 'test',
    meshPublicKey: Buffer.from(meshKey.publicKey).toString('base64url'),
    groupId: 'root',
    path: '/',
    epoch: 1,
    featureLevel: 1,
    voters,
    policies: {},
    operators: [],
    revocations: [],
    zones: [],
    ...change,
  }
  return new TextEncoder().encode(JSON.stringify(charter))
}

/** A mesh of one voter, and the identities of others who are nobody yet. */
export interface World {
  meshKey: MeshKey
  founder: Identity
  others: Identity[]
  /** Everybody, the founder first. */
  all: Identity[]
  /** The first charter alone. */
  chain: Chain
}

/** The root's first charter of a chain. */
export function rootCharterOf({ firstCharter }: Chain): RootCharter {
  if ('grant' in firstCharter) throw new Error('this is the chain of a child group')
  return firstCharter
}

export function world(others = 6): World {
  const meshKey = generateMeshKey()
  const founder = generateIdentity()
  const rest = Array.from({ length: others }, generateIdentity)
  const firstCharter = signFirstCharter(meshKey, charterBytes(meshKey, [founder.peerId]))
  const chain = orThrow(verifyChain({ meshId: meshKey.meshId, firstCharter, links: [] }))
  return { meshKey, founder, others: rest, all: [founder, ...rest], chain }
}

export function changeTo(chain: Chain, now: readonly Identity[], change: Partial<VoterChange> = {}): VoterChange {
  return {
    epoch: chain.epoch,
    index: chain.index + 10,
    digestBefore: sha('a'),
    digestNow: sha('b'),
    votersNow: now.map(({ peerId }) => peerId),
    ...change,
  }
}

/** A link to these voters, signed by everybody who has a vote. */
export function linkTo(of: World, chain: Chain, now: readonly Identity[], change: Partial<VoterChange> = {}): Link {
  const statement = nextLinkStatement(chain, changeTo(chain, now, change))
  const voters = new Set([...chain.voters, ...now.map(({ peerId }) => peerId)])
  const signatures = of.all.filter(({ peerId }) => voters.has(peerId)).map((identity) => signLink(identity, statement))
  return combineLink(statement, signatures)
}

/** The chain after these changes of voters, one after the other. */
export function chainThrough(of: World, ...changes: readonly (readonly Identity[])[]): Chain {
  return changes.reduce((chain, now) => orThrow(extendChain(chain, linkTo(of, chain, now))), of.chain)
}

export function claimsFor(chain: Chain, of: Identity, change: Partial<CredentialRequest> = {}): CredentialRequest {
  return {
    mesh: chain.meshId,
    group: chain.group,
    sub: of.peerId,
    name: 'node-x',
    zone: 'hall-2',
    role: 'member',
    jti: 'jti-1',
    voterIndex: chain.index,
    issuedAtMs: NOW_MS,
    ...change,
  }
}

/** A credential signed by these voters, of the chain's newest era unless the claims say another. */
export async function credentialFor(
  chain: Chain,
  of: Identity,
  signers: readonly Identity[],
  change: Partial<CredentialRequest> = {},
): Promise<Credential> {
  const request = claimsFor(chain, of, change)
  const payload = credentialPayload(request)
  const voters = chain.eras.find(({ index }) => index === request.voterIndex)?.voters ?? chain.voters
  return combineCredential(payload, await Promise.all(signers.map((signer) => signCredential(signer, payload))), voters)
}

export function passportOf(chain: Chain, credential: Credential, change: Partial<Passport> = {}): Passport {
  return {
    credential,
    firstCharter: chain.firstCharter,
    links: chain.links,
    wire: { min: 1, max: 1, level: 1 },
    name: 'node-x',
    addresses: ['/ip4/10.0.0.1/tcp/4950'],
    version: '0.1.0',
    ...change,
  }
}

/** The error code of a verdict, or `ok`. */
export function outcome(verdict: { ok: true } | { ok: false; error: { code: string } }): string {
  return verdict.ok ? 'ok' : verdict.error.code.replace('VSMCP_SECURITY_', '')
}

/** The code of what this throws, or `ok`. */
export function thrownBy(work: () => unknown): string {
  try {
    work()
    return 'ok'
  } catch (error) {
    return codeOf(error)
  }
}

export function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code.replace('VSMCP_SECURITY_', '') : `not ours: ${String(error)}`
}

export function flipped(bytes: Uint8Array, at = 0, mask = 1): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ mask
  return copy
}

/** A `Charter` of the group of this chain as it was founded. */
export function charterOf({ firstCharter }: Chain): Charter {
  return readCharter(JSON.parse(new TextDecoder().decode(firstCharter.charter)))
}

/** First charter of a group below this chain's. */
export function childCharterOf(
  parent: Chain,
  name: string,
  founder: Identity,
  change: Partial<ChildCharterInit> = {},
): ChildCharter {
  const nonce = new Uint8Array(randomBytes(32))
  return childCharter({ parent, parentCharter: charterOf(parent), name, founder: founder.peerId, nonce, ...change })
}

/** A docket that lists just these groups. */
export function docketOf(parent: Chain, ...children: readonly ChildCharter[]): Pick<GroupState, 'charter' | 'groups'> {
  const records = children.map(({ groupId, charter: { path, voters }, digest: charterDigest }) => {
    const name = path.slice(path.lastIndexOf('/') + 1)
    return [groupId, { name, founder: voters[0] ?? '', charterDigest, createdAtMs: 1, createdAtIndex: 2 }] as const
  })
  return { charter: charterOf(parent), groups: Table.from(records) }
}

/** The grant of a first charter as these voters sign it. */
export function grantedBy(parent: Chain, child: ChildCharter, signers: readonly Identity[]): GrantedCharter {
  const statement = groupToGrant(parent, docketOf(parent, child), child.bytes)
  const signatures = signers.map((signer) => signGroupGrant(signer, statement))
  return combineGroupGrant(parent, child.bytes, statement, signatures)
}

/** Chain of a new group below this one, granted by these voters. */
export function chainBelow(parent: Chain, signers: readonly Identity[], name: string, founder: Identity): Chain {
  const firstCharter = grantedBy(parent, childCharterOf(parent, name, founder), signers)
  return orThrow(verifyChain({ meshId: parent.meshId, firstCharter, links: [] }))
}
