import { base64urlOf } from '@vsmcp/kernel'
import {
  applyEntry,
  type ApplyResult,
  type Authority,
  type Charter,
  encodeOperation,
  type Entry,
  foundGroup,
  type GroupEffect,
  type GroupState,
  type MemberChange,
  type Operation,
  type Signer,
} from '../../src/index.ts'
import { encodeConfigurationStep } from '../../src/raft/configuration.ts'

export const CHARTER: Charter = {
  meshId: '00112233445566778899aabbccddeeff',
  meshName: 'test',
  meshPublicKey: 'AAAA',
  groupId: 'root',
  path: '/',
  epoch: 1,
  featureLevel: 1,
  voters: ['a'],
  policies: {},
  operators: [],
  revocations: [],
  zones: [],
}

/** An operation without what every operation has. */
type Asked = { [O in Operation['op']]: Omit<Extract<Operation, { op: O }>, 'author' | 'atMs'> }[Operation['op']]

/** Certificates of this group are texts that begin with `AA`, anchors say of how many links they are; signatures are made by `sign`; digests are lengths. */
export const AUTHORITY: Authority = {
  verifySignature: (signer, bytes, signature) => base64urlOf(signature) === sign(signer, bytes),
  digest: digestOf,
  verifyCertificate: (certificate) => certificate.startsWith('AA'),
  linksAnchored: (anchor) => (anchor.startsWith('ANCHOR') ? Number(anchor.slice('ANCHOR'.length)) : 0),
}

/** A digest for tests: FNV-1a, as text. */
function digestOf(bytes: Uint8Array): string {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}

/** What stands in these tests for a signature: it names the signer and depends on every byte. */
export function sign(signer: Signer, bytes: Uint8Array): string {
  const who = 'peer' in signer ? signer.peer : signer.publicKey
  return base64urlOf(new TextEncoder().encode(`${who} ${digestOf(bytes)}`))
}

/** A group and its log, entry by entry. The founder is `a`. */
export class Group {
  state: GroupState
  effects: readonly GroupEffect[] = []
  readonly entries: Entry[] = []
  index = 1

  constructor(charter: Charter = CHARTER) {
    this.state = foundGroup(charter, { peer: 'a', name: 'Ada', role: 'member', zone: '', addresses: [], joinedAtMs: 1 })
  }

  apply(type: Entry['type'], data: Uint8Array): ApplyResult {
    const entry: Entry = { index: ++this.index, term: 2, type, data }
    this.entries.push(entry)
    const { state, result, effects } = applyEntry(this.state, entry, AUTHORITY)
    this.state = state
    this.effects = effects
    return result
  }

  ask(asked: Asked, { author = 'a', atMs = 1_000 } = {}): ApplyResult {
    return this.apply('normal', encodeOperation({ ...asked, author, atMs } as Operation))
  }

  /** Applies a whole operation. @returns `changed`, `unchanged` or the code of the refusal */
  give(operation: Operation): string {
    const result = this.apply('normal', encodeOperation(operation))
    if (!result.ok) return result.code
    return result.changed ? 'changed' : 'unchanged'
  }

  /** What became of it: `changed`, `unchanged` or the code of the refusal. */
  outcome(asked: Asked, context: { author?: string; atMs?: number } = {}): string {
    const result = this.ask(asked, context)
    if (!result.ok) return result.code
    return result.changed ? 'changed' : 'unchanged'
  }

  change(...changes: [MemberChange['type'], string][]): ApplyResult {
    return this.apply('configuration', encodeConfigurationStep({ changes: changes.map(([type, peer]) => ({ type, peer })) }))
  }

  leaveJoint(): ApplyResult {
    return this.apply('configuration', encodeConfigurationStep('leave'))
  }

  invite(id = 'i', { uses = 1, expiresAtMs = 10_000, role = 'member' as const } = {}): string {
    return this.outcome({ op: 'invitation:create', id, verifier: 'AAAA', role, zone: 'z', uses, expiresAtMs, createdBy: 'a' })
  }

  /** Lets a member in. */
  join(peer: string): this {
    this.invite(`for-${peer}`)
    this.ask({ op: 'invitation:redeem', id: `for-${peer}`, peer, name: peer })
    return this
  }
}
