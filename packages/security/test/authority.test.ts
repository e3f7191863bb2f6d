import { MESH_KEY_SIGNER, operationStatement } from '@vsmcp/consensus'
import { expect, test } from 'vitest'
import {
  endorse,
  generateIdentity,
  generateOperatorKey,
  type Link,
  signAsOperator,
  signAsPeer,
  signLink,
  verifySignature,
} from '../src/index.ts'
import { flipped } from './fixtures.ts'
import { encodeCertificate, RealGroup, settledGroup } from './group-fixture.ts'

test('a signature is the signer’s over just these bytes, be the signer a node or a key', () => {
  const node = generateIdentity()
  const operator = generateOperatorKey()
  const bytes = Uint8Array.of(1, 2, 3)
  const byNode = node.sign(bytes)
  const byOperator = operator.sign(bytes)
  expect(verifySignature({ peer: node.peerId }, bytes, byNode)).toBe(true)
  expect(verifySignature({ publicKey: operator.publicKeyText }, bytes, byOperator)).toBe(true)
  expect(verifySignature({ publicKey: operator.publicKeyText }, bytes, byNode)).toBe(false)
  expect(verifySignature({ peer: node.peerId }, flipped(bytes), byNode)).toBe(false)
  expect(verifySignature({ publicKey: operator.publicKeyText }, bytes, flipped(byOperator))).toBe(false)
  for (const publicKey of ['', 'AAAA', '!', operator.publicKeyText.slice(1), `${operator.publicKeyText}=`]) {
    expect(verifySignature({ publicKey }, bytes, byOperator)).toBe(false)
  }
  expect(verifySignature({ peer: 'nobody' }, bytes, byNode)).toBe(false)
  expect(verifySignature({ peer: node.peerId }, bytes, new Uint8Array())).toBe(false)
})

test('operators, the mesh key, nodes and voters sign what the group’s rules check', () => {
  const group = settledGroup()
  const { charter } = group.state
  const asked = {
    op: 'operator:add',
    name: 'omar',
    publicKey: generateOperatorKey().publicKeyText,
    expects: 1,
    reason: 'r',
    signedAtMs: 1,
  }
  expect(group.ask(signAsOperator(generateOperatorKey(), 'olga', charter, asked))).toMatchObject({ code: 'signature-wrong' })
  expect(group.ask(signAsOperator(group.meshKey, 'ignored', charter, asked))).toMatchObject({ ok: true, changed: true })
  expect(signAsOperator(group.meshKey, 'ignored', charter, asked).operator).toBe(MESH_KEY_SIGNER)
  const [voter] = group.nodes
  if (voter === undefined) throw new Error('nobody')
  const rotate = { op: 'session-key:rotate', by: voter.peerId, keyId: 'k', digest: 'AAAA', expects: '' }
  expect(group.ask(signAsPeer(voter, group.state.charter, rotate))).toMatchObject({ ok: true, changed: true })
  const raise = { op: 'feature:raise', level: 9 }
  const statement = operationStatement(group.state.charter, raise)
  const endorsements = group.nodes.map((identity) => endorse(identity, statement))
  expect(group.ask({ ...raise, endorsements: endorsements.slice(1) })).toMatchObject({ code: 'not-endorsed' })
  expect(group.ask({ ...raise, endorsements })).toMatchObject({ ok: true, changed: true })
})

test.for<[string, (link: Link, group: RealGroup) => Link]>([
  [
    'of another change',
    ({ signatures }, group) => {
      const statement = settledGroup().chain.links[0]?.statement ?? new Uint8Array()
      return {
        statement,
        signatures: group.nodes
          .map((identity) => signLink(identity, statement))
          .concat(signatures)
          .slice(0, 3),
      }
    },
  ],
  [
    'of another entry',
    ({ statement }, group) =>
      resigned(group, statement, (text) => text.replace(/"index":(\d)/, (_, digit) => `"index":1${digit}`)),
  ],
  [
    'that keeps the voters of before',
    ({ statement }, group) => {
      const text = Buffer.from(statement).toString()
      const bytes = new TextEncoder().encode(text.replace(/"votersNow":\[[^\]]*\]/, `"votersNow":["${group.peers[0]}"]`))
      return { statement: bytes, signatures: group.nodes.slice(0, 1).map((identity) => signLink(identity, bytes)) }
    },
  ],
  [
    'that follows another one',
    ({ statement }, group) =>
      resigned(group, statement, (text) =>
        text.replace(/"previous":"(.)/, (_, digit) => `"previous":"${digit === '0' ? '1' : '0'}`),
      ),
  ],
  [
    'with another digest',
    ({ statement }, group) => resigned(group, statement, (text) => text.replace(/"digestNow":"./, '"digestNow":"0')),
  ],
  [
    'with other voters',
    ({ statement }, group) =>
      resigned(group, statement, (text) => text.replace(/"votersNow":\[[^\]]*\]/, `"votersNow":["${group.peers[0]}"]`)),
  ],
  ['without its majority', ({ statement, signatures }) => ({ statement, signatures: signatures.slice(0, 1) })],
  [
    'with a flipped bit',
    ({ statement, signatures }) => ({
      statement,
      signatures: signatures.map((each) => ({ ...each, signature: flipped(each.signature, 9) })),
    }),
  ],
])('a leader cannot put a link %s into the docket, signed as it likes', ([, forge]) => {
  const group = new RealGroup()
  group.seat(...group.peers.slice(1).map((peer) => ({ type: 'voter', peer }) as const))
  const index = group.state.pendingChanges[0]?.index
  const certificate = encodeCertificate(forge(group.link(), group))
  expect(group.ask({ op: 'link:add', index, certificate })).toMatchObject({ ok: false, code: 'link-forged' })
  expect(group.ask({ op: 'link:add', index, certificate: 'AAAA' })).toMatchObject({ ok: false, code: 'link-forged' })
  expect(group.ask({ op: 'link:add', index, certificate: encodeCertificate(group.link()) })).toMatchObject({ ok: true })
})

/** A statement that was edited, and then really signed by everybody. */
function resigned(group: RealGroup, statement: Uint8Array, edit: (text: string) => string): Link {
  const before = Buffer.from(statement).toString()
  const after = edit(before)
  const bytes = new TextEncoder().encode(after === before ? before.replace(/"digestNow":"./, '"digestNow":"1') : after)
  return { statement: bytes, signatures: group.nodes.map((identity) => signLink(identity, bytes)) }
}

test('a certificate of the charter is kept only when it is of this change and signed by a majority', () => {
  const group = settledGroup()
  const stale = group.certificateText
  group.setPolicies({ b: 2 })
  const index = group.state.charterMark?.index
  const { statement, signatures } = group.certificate()
  const certify = (certificate: string): unknown => group.ask({ op: 'charter:certify', index, certificate })
  expect(certify(stale)).toMatchObject({ code: 'certificate-forged' })
  expect(certify(encodeCertificate({ statement, signatures: signatures.slice(1) }))).toMatchObject({ code: 'certificate-forged' })
  expect(
    certify(encodeCertificate({ statement, signatures: group.nodes.map((each) => signLink(each, statement)) })),
  ).toMatchObject({
    code: 'certificate-forged',
  })
  expect(certify(encodeCertificate({ statement, signatures }))).toMatchObject({ ok: true, changed: true })
})
