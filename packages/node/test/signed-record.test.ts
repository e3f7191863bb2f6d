import { base64urlOf, type Logger, silentLogger, systemClock } from '@vsmcp/kernel'
import {
  encodeChain,
  generateIdentity,
  generateMeshKey,
  type MeshKey,
  orThrow,
  signFirstCharter,
  verifyChain,
} from '@vsmcp/security'
import type { JsonValue, SharedState } from '@vsmcp/state'
import { describe, expect, it } from 'vitest'
import { CHAINS_WRITTEN_PER_MINUTE } from '../src/constants.ts'
import { NeighbourChains } from '../src/recursion/neighbour-chains.ts'
import { fromDocument, fromLeader, isSignedBy, signRecord, toDelegate, toDocument } from '../src/recursion/signed-record.ts'

const MESH = '00112233445566778899aabbccddeeff'
const identity = generateIdentity()
const record = signRecord(identity, MESH, {
  about: 'child',
  order: { epoch: 1, term: 2, sequence: 3 },
  bytes: new TextEncoder().encode('{"group":"child"}'),
})

describe('a signed record', () => {
  it('is the same after the way through a document, and by hand from leader to delegate', () => {
    const { voice, bytes, signature } = record
    expect(fromDocument(JSON.parse(JSON.stringify(toDocument(record))) as JsonValue)).toEqual({ voice, bytes, signature })
    const { into, record: handed } = fromLeader(toDelegate('parent', record))
    expect([into, handed.about, handed.order, Buffer.from(handed.bytes).toString()]).toEqual([
      'parent',
      'child',
      record.order,
      '{"group":"child"}',
    ])
    expect(isSignedBy(identity.peerId, MESH, handed)).toBe(true)
  })

  it('is its voice’s, in its mesh, unchanged', () => {
    const other = generateIdentity().peerId
    expect(isSignedBy(other, MESH, record)).toBe(false)
    expect(isSignedBy(identity.peerId, 'f'.repeat(32), record)).toBe(false)
    expect(isSignedBy(identity.peerId, MESH, { ...record, bytes: new TextEncoder().encode('{"group":"other"}') })).toBe(false)
  })

  it.each<[string, JsonValue]>([
    ['nothing', null],
    ['a list', []],
    ['one without a signature', { voice: 'v', record: 'AAAA' }],
    ['what is no base64url', { voice: 'v', record: '!', signature: 'AAAA' }],
    ['one that is too large', { voice: 'v', record: 'A'.repeat(40_000), signature: 'AAAA' }],
  ])('is not %s', (_what, value) => {
    expect(fromDocument(value)).toBeUndefined()
  })

  it.each([new Uint8Array([0xc1]), new Uint8Array(40_000), new Uint8Array([0x90])])(
    'from a leader is refused when it is none',
    (payload) => {
      expect(() => fromLeader(payload)).toThrow()
    },
  )
})

function rootChain(key: MeshKey) {
  const { peerId } = identity
  const charter = {
    meshId: key.meshId,
    meshName: 'm',
    meshPublicKey: base64urlOf(key.publicKey),
    groupId: 'root',
    path: '/',
    epoch: 1,
    featureLevel: 4,
    voters: [peerId],
    policies: {},
    operators: [],
    revocations: [],
    zones: [],
  }
  const firstCharter = signFirstCharter(key, new TextEncoder().encode(JSON.stringify(charter)))
  return orThrow(verifyChain({ meshId: key.meshId, firstCharter, links: [] }))
}

describe('chains of groups beside this one', () => {
  const [ours, others] = [generateMeshKey(), generateMeshKey()]
  const written = (key: string, chain: string, seq = 1, writer = 'w') => ({ key, writer, epoch: 1, seq, value: { chain } })
  const chainsOf = (entries: readonly object[], clock = systemClock, logger: Logger = silentLogger): NeighbourChains =>
    new NeighbourChains({
      mesh: ours.meshId,
      founding: () => undefined,
      state: { entries: () => entries } as unknown as SharedState,
      onLearned: () => {},
      clock,
      logger,
    })
  const chains = (shown: Record<string, string>): NeighbourChains =>
    chainsOf(Object.entries(shown).map(([key, chain]) => written(key, chain)))
  const text = (key: MeshKey): string => base64urlOf(encodeChain(rootChain(key)))

  it.each<[string, Record<string, string>]>([
    ['what is no chain', { child: 'AAAA' }],
    ['what is no base64url', { child: '!' }],
    ['the chain of another mesh', { child: text(others) }],
    ['a genuine chain of a group that is another one, or not beside this one', { child: text(ours), root: text(ours) }],
  ])('are not learned from %s', (_what, shown) => {
    const known = chains(shown)
    expect(known.look(['child', 'root'], (group) => group === 'child')).toBe(false)
    expect([known.votersOf('child'), known.votersOf('root')]).toEqual([undefined, undefined])
  })

  it('are looked at once, and not without end for a member that writes others again and again', () => {
    let [nowMs, looked] = [0, 0]
    const clock = { ...systemClock, monotonicMs: () => nowMs }
    const logger = { ...silentLogger, warn: () => void looked++ }
    const entries: object[] = []
    const known = chainsOf(entries, clock, logger)
    const look = (seq: number, chain = text(others)): boolean => {
      entries.splice(0, 1, written('root', chain, seq))
      return known.look(['root'], () => true)
    }
    for (let seen = 0; seen < 9; seen++) look(1)
    expect(looked).toBe(1)
    for (let seq = 2; seq < 1_000; seq++) look(seq)
    expect(looked).toBe(CHAINS_WRITTEN_PER_MINUTE)
    // What others write is looked at all the same, and its own later.
    entries.push(written('root', text(ours), 1, 'another'))
    expect(known.look(['root'], () => true)).toBe(true)
    nowMs += 60_000
    look(999)
    expect(looked).toBe(CHAINS_WRITTEN_PER_MINUTE + 1)
  })
})
