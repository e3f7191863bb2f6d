import { canonicalBytes } from '@vsmcp/consensus'
import { expect, test } from 'vitest'
import {
  type BundleCheck,
  type CharterBundle,
  type CharterCertificate,
  charterDigest,
  charterStatement,
  generateIdentity,
  generateMeshKey,
  signCharter,
  verifyCharterBundle,
} from '../src/index.ts'
import { flipped, outcome, rootCharterOf } from './fixtures.ts'
import { RealGroup, settledGroup } from './group-fixture.ts'

const group = settledGroup()
const bundle = group.bundle()
const { meshId } = group.meshKey

const verdict = (shown: CharterBundle, check: Partial<BundleCheck> = {}): string =>
  outcome(verifyCharterBundle(shown, { meshId, ...check }))
const altered = (change: object): Uint8Array => canonicalBytes({ ...group.state.charter, ...change })
function certificateOf(shown: CharterBundle): CharterCertificate {
  if (shown.certificate === undefined) throw new Error('no certificate')
  return shown.certificate
}

test('rule 6: a certified charter is verified by the mesh id alone', () => {
  const verified = verifyCharterBundle(bundle, { meshId })
  expect(verified).toMatchObject({
    ok: true,
    value: { by: 'certificate', epoch: 1, index: group.state.charterMark?.index, charter: { policies: { a: 1 } } },
  })
})

test('the first charter is vouched for by the mesh key, and that of a change of voters by its link', () => {
  const young = new RealGroup()
  const check = { meshId: young.meshKey.meshId }
  expect(verifyCharterBundle(young.bundle(), check)).toMatchObject({ ok: true, value: { by: 'mesh-key', index: 1, signers: [] } })
  young.seat({ type: 'voter', peer: young.peers[1] ?? '' })
  young.keepLink()
  expect(verifyCharterBundle(young.bundle(), check)).toMatchObject({ ok: true, value: { by: 'link', index: 2 } })
})

test.for<[string, () => CharterBundle, string]>([
  ['altered policies', () => ({ ...bundle, charter: altered({ policies: { a: 2 } }) }), 'CHARTER_UNCERTIFIED'],
  ['another operator', () => ({ ...bundle, charter: altered({ operators: [] }) }), 'CHARTER_UNCERTIFIED'],
  ['one more field', () => ({ ...bundle, charter: altered({ extra: 1 }) }), 'CHARTER_UNCERTIFIED'],
  ['no charter at all', () => ({ ...bundle, charter: new TextEncoder().encode('{') }), 'CHARTER_MALFORMED'],
  ['no certificate', () => ({ ...bundle, certificate: undefined }), 'CHARTER_UNCERTIFIED'],
  [
    'a flipped bit in a signature',
    () => {
      const { statement, signatures } = certificateOf(bundle)
      const [first, ...rest] = signatures
      if (first === undefined) throw new Error('unsigned')
      return { ...bundle, certificate: { statement, signatures: [{ ...first, signature: flipped(first.signature) }, ...rest] } }
    },
    'CERTIFICATE_FORGED',
  ],
  [
    'a stranger among the signers',
    () => {
      const { statement, signatures } = certificateOf(bundle)
      return { ...bundle, certificate: { statement, signatures: [...signatures, signCharter(generateIdentity(), statement)] } }
    },
    'CERTIFICATE_FORGED',
  ],
  [
    'one voter signing twice',
    () => {
      const { statement, signatures } = certificateOf(bundle)
      return { ...bundle, certificate: { statement, signatures: [...signatures.slice(0, 1), ...signatures.slice(0, 1)] } }
    },
    'CERTIFICATE_FORGED',
  ],
  [
    'too few signatures',
    () => {
      const { statement, signatures } = certificateOf(bundle)
      return { ...bundle, certificate: { statement, signatures: signatures.slice(1) } }
    },
    'CERTIFICATE_SIGNATURES',
  ],
  ['signatures given for a link', () => ({ ...bundle, certificate: bundle.links[0] }), 'CERTIFICATE_MALFORMED'],
  ['no links', () => ({ ...bundle, links: [] }), 'CHARTER_TRUNCATED'],
  [
    'a forged first charter',
    () => ({
      ...bundle,
      firstCharter: { ...rootCharterOf(group.chain), signature: flipped(rootCharterOf(group.chain).signature) },
    }),
    'CHARTER_FORGED',
  ],
])('a charter with %s is refused', ([, shown, code]) => {
  expect(verdict(shown())).toBe(code)
})

test('every byte of a certificate counts', () => {
  const { statement, signatures } = certificateOf(bundle)
  for (let at = 0; at < statement.length; at += 7) {
    expect(verdict({ ...bundle, certificate: { statement: flipped(statement, at), signatures } })).not.toBe('ok')
  }
})

test('a charter of another mesh is refused, whatever it proves', () => {
  expect(verdict(bundle, { meshId: generateMeshKey().meshId })).toBe('CHARTER_OTHER_MESH')
  expect(verdict({ ...bundle, certificate: settledGroup().bundle().certificate })).toBe('CHARTER_UNCERTIFIED')
})

test('what was genuine once is stale against what is known', () => {
  const later = settledGroup()
  const earlier = later.bundle()
  const of = { meshId: later.meshKey.meshId }
  later.setPolicies({ a: 3 })
  expect(verifyCharterBundle(later.bundle(), of)).toMatchObject({
    ok: false,
    error: { code: 'VSMCP_SECURITY_CHARTER_UNCERTIFIED' },
  })
  later.keepCertificate()
  const { charterMark: mark } = later.state
  if (mark === undefined) throw new Error('no mark')
  const knownCharter = { epoch: 1, index: mark.index, digest: mark.digestNow }
  expect(outcome(verifyCharterBundle(earlier, of))).toBe('ok')
  expect(outcome(verifyCharterBundle(earlier, { ...of, knownCharter }))).toBe('CHARTER_STALE')
  expect(outcome(verifyCharterBundle(later.bundle(), { ...of, knownCharter }))).toBe('ok')
  later.seat({ type: 'learner', peer: later.peers[2] ?? '' })
  later.keepLink()
  expect(outcome(verifyCharterBundle(earlier, { ...of, knownChain: later.chain }))).toBe('CHARTER_STALE')
})

test('links cut off at the end, or out of the middle, are missed', () => {
  const long = settledGroup()
  const of = { meshId: long.meshKey.meshId }
  long.seat({ type: 'learner', peer: long.peers[2] ?? '' })
  long.keepLink()
  const whole = long.bundle()
  expect(outcome(verifyCharterBundle(whole, of))).toBe('ok')
  expect(outcome(verifyCharterBundle({ ...whole, links: whole.links.slice(0, 1) }, of))).toBe('CHARTER_TRUNCATED')
  expect(outcome(verifyCharterBundle({ ...whole, links: whole.links.slice(1) }, of))).toBe('CHAIN_BROKEN')
})

test('two charters of the same change, both certified, are a fork; so are two chains', () => {
  const two = settledGroup()
  const of = { meshId: two.meshKey.meshId }
  const before = two.state
  const { chain, index } = two
  two.setPolicies({ left: 1 })
  two.keepCertificate()
  const mark = two.state.charterMark
  if (mark === undefined) throw new Error('no mark')
  two.state = before
  two.index = index
  two.setPolicies({ right: 1 })
  two.keepCertificate()
  const knownCharter = { epoch: 1, index: mark.index, digest: mark.digestNow }
  expect(outcome(verifyCharterBundle(two.bundle(), { ...of, knownCharter }))).toBe('CHARTER_FORKED')
  two.state = before
  two.index = index
  two.seat({ type: 'learner', peer: two.peers[1] ?? '' })
  two.keepLink()
  const knownChain = two.chain
  two.state = before
  two.index = index
  two.chain = chain
  two.seat({ type: 'learner', peer: two.peers[2] ?? '' })
  two.keepLink()
  expect(outcome(verifyCharterBundle(two.bundle(), { ...of, knownChain }))).toBe('CHAIN_FORKED')
})

test('bytes that a majority certified, and that contradict their own chain, are no charter', () => {
  const mark = group.state.charterMark
  const previous = group.chain.eras.at(-1)?.digest
  if (mark === undefined || previous === undefined) throw new Error('not certified')
  for (const change of [{ voters: group.peers.slice(0, 1) }, { epoch: 2 }, { groupId: 'child' }, { meshId: 'ff'.repeat(16) }]) {
    const charter = altered(change)
    const statement = charterStatement({ ...group.chain, previous }, { ...mark, digestNow: charterDigest(charter) })
    const certificate = { statement, signatures: group.nodes.map((identity) => signCharter(identity, statement)) }
    expect(verdict({ ...bundle, charter, certificate })).toBe('CHARTER_MALFORMED')
  }
})
