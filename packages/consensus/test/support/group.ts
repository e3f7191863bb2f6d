import {
  applyEntry,
  type ApplyResult,
  type Charter,
  encodeOperation,
  type Entry,
  foundGroup,
  type GroupEffect,
  type GroupState,
  type MemberChange,
  type Operation,
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
    const { state, result, effects } = applyEntry(this.state, entry)
    this.state = state
    this.effects = effects
    return result
  }

  ask(asked: Asked, { author = 'a', atMs = 1_000 } = {}): ApplyResult {
    return this.apply('normal', encodeOperation({ ...asked, author, atMs } as Operation))
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
