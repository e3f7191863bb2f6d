import {
  applyEntry,
  type ApplyResult,
  canonicalBytes,
  type Charter,
  type ConfigurationChange,
  encodeGroupState,
  encodeOperation,
  FEATURE_LEVEL,
  foundGroup,
  type GroupState,
  type Operation,
  policyVersionOf,
} from '@vsmcp/consensus'
import {
  type Chain,
  type CharterBundle,
  type CharterCertificate,
  combineCharter,
  combineLink,
  generateIdentity,
  generateMeshKey,
  generateOperatorKey,
  groupAuthority,
  type Identity,
  type Link,
  nextCharterStatement,
  nextLinkStatement,
  orThrow,
  signAsOperator,
  signCharter,
  signFirstCharter,
  signLink,
  verifyChain,
} from '../src/index.ts'

/** Certificates as this fixture's docket carries them. */
export function encodeCertificate({ statement, signatures }: Link | CharterCertificate): string {
  const text = { statement: [...statement], signatures: signatures.map((each) => ({ ...each, signature: [...each.signature] })) }
  return Buffer.from(JSON.stringify(text)).toString('base64url')
}

interface Text {
  statement: number[]
  signatures: { peer: string; signature: number[] }[]
}
export function decodeCertificate(text: string): Link {
  const { statement, signatures } = JSON.parse(Buffer.from(text, 'base64url').toString()) as Text
  return {
    statement: Uint8Array.from(statement),
    signatures: signatures.map(({ peer, signature }) => ({ peer, signature: Uint8Array.from(signature) })),
  }
}

/** A group with real keys, decided entry by entry, all of whose members are at hand to sign. */
export class RealGroup {
  readonly meshKey = generateMeshKey()
  readonly operator = generateOperatorKey()
  readonly nodes: readonly Identity[]
  readonly authority: ReturnType<typeof groupAuthority>
  state: GroupState
  chain: Chain
  index = 1

  constructor(size = 3) {
    this.nodes = Array.from({ length: size }, generateIdentity)
    const [founder] = this.nodes
    const peer = founder?.peerId ?? ''
    const charter: Charter = {
      meshId: this.meshKey.meshId,
      meshName: 'real',
      meshPublicKey: Buffer.from(this.meshKey.publicKey).toString('base64url'),
      groupId: 'root',
      path: '/',
      epoch: 1,
      featureLevel: FEATURE_LEVEL,
      voters: [peer],
      policies: {},
      operators: [{ name: 'olga', publicKey: this.operator.publicKeyText }],
      revocations: [],
      zones: [],
    }
    const firstCharter = signFirstCharter(this.meshKey, canonicalBytes(charter))
    this.chain = orThrow(verifyChain({ meshId: this.meshKey.meshId, firstCharter, links: [] }))
    this.authority = groupAuthority({ firstCharter, decodeCertificate })
    this.state = foundGroup(charter, { peer, name: 'n0', role: 'member', zone: '', addresses: [], joinedAtMs: 1 })
  }

  apply(type: 'normal' | 'configuration', data: Uint8Array): ApplyResult {
    const { state, result } = applyEntry(this.state, { index: ++this.index, term: 2, type, data }, this.authority)
    this.state = state
    return result
  }

  ask(operation: object): ApplyResult {
    return this.apply('normal', encodeOperation({ author: this.peers[0], atMs: 5, ...operation } as unknown as Operation))
  }

  /** Changes the voters; what a change of more than one leaves joint is left at once. */
  seat(...changes: ConfigurationChange['changes']): void {
    const text = (step: object): Uint8Array => new TextEncoder().encode(JSON.stringify(step))
    this.apply('configuration', text({ changes }))
    if (this.state.configuration.outgoing.length > 0) this.apply('configuration', text({ leave: true }))
  }

  setPolicies(policies: Record<string, number>): ApplyResult {
    const { charter } = this.state
    const asked = { op: 'policy:set', policies, expects: policyVersionOf(charter), reason: 'r', signedAtMs: 3 }
    return this.ask(signAsOperator(this.operator, 'olga', charter, asked))
  }

  /** Has the oldest uncertified change of voters signed, as far as `signers` go. */
  link(signers: readonly Identity[] = this.nodes): Link {
    const [change] = this.state.pendingChanges
    if (change === undefined) throw new Error('nothing to certify')
    const statement = nextLinkStatement(this.chain, { ...change, votersNow: change.now })
    return combineLink(
      statement,
      signers.map((identity) => signLink(identity, statement)),
    )
  }

  keepLink(link = this.link()): void {
    const [change] = this.state.pendingChanges
    const result = this.ask({ op: 'link:add', index: change?.index, certificate: encodeCertificate(link) })
    if (!result.ok) throw new Error(result.message)
    const links = [...this.chain.links, link]
    this.chain = orThrow(verifyChain({ meshId: this.meshKey.meshId, firstCharter: this.chain.firstCharter, links }))
  }

  certificate(signers: readonly Identity[] = this.nodes): CharterCertificate {
    const next = nextCharterStatement(this.state, this.chain)
    if (next === undefined) throw new Error('nothing to certify')
    return combineCharter(
      next.statement,
      signers.map((identity) => signCharter(identity, next.statement)),
    )
  }

  keepCertificate(certificate = this.certificate()): ApplyResult {
    const index = this.state.charterMark?.index
    return this.ask({ op: 'charter:certify', index, certificate: encodeCertificate(certificate) })
  }

  /** As the docket carries it. */
  get certificateText(): string {
    return this.state.charterMark?.certificate ?? ''
  }

  /** What this group would export. */
  bundle(): CharterBundle {
    const { certificate } = this.state.charterMark ?? {}
    return {
      firstCharter: this.chain.firstCharter,
      links: this.chain.links,
      charter: canonicalBytes(this.state.charter),
      ...(certificate === undefined ? {} : { certificate: decodeCertificate(certificate) }),
    }
  }

  snapshot(): { configuration: GroupState['configuration']; data: Uint8Array } {
    return { configuration: this.state.configuration, data: encodeGroupState(this.state) }
  }

  get peers(): readonly string[] {
    return this.nodes.map(({ peerId }) => peerId)
  }
}

/** Three voters, certified; then policies, certified. */
export function settledGroup(): RealGroup {
  const group = new RealGroup()
  group.seat(...group.peers.slice(1).map((peer) => ({ type: 'voter', peer }) as const))
  group.keepLink()
  group.setPolicies({ a: 1 })
  group.keepCertificate()
  return group
}
