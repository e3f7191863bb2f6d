import { encodeGroupState, type GroupState, isCertified } from '@vsmcp/consensus'
import { expect, test } from 'vitest'
import { flawOfSnapshot, type SnapshotCheck } from '../src/index.ts'
import { decodeCertificate, type RealGroup, settledGroup } from './group-fixture.ts'

const group = settledGroup()
const flaw = (of: RealGroup, state: GroupState, check: Partial<SnapshotCheck> = {}): string | undefined =>
  flawOfSnapshot(
    { configuration: state.configuration, data: encodeGroupState(state) },
    { chain: of.chain, decodeCertificate, ...check },
  )

test('a snapshot whose charter and voters are certified is installed', () => {
  expect(isCertified(group.state)).toBe(true)
  expect(flaw(group, group.state)).toBeUndefined()
})

test('so is one by a node that has heard of earlier voters only, and one of before what it has heard of', () => {
  const early = settledGroup()
  const before = early.state
  const { chain } = early
  early.seat({ type: 'learner', peer: early.peers[2] ?? '' })
  early.keepLink()
  expect(flaw(early, early.state, { chain })).toBeUndefined()
  expect(flaw(early, before)).toBeUndefined()
})

test.for<[string, (state: GroupState) => GroupState]>([
  ['other policies', (state) => ({ ...state, charter: { ...state.charter, policies: { mine: 1 } } })],
  ['another operator', (state) => ({ ...state, charter: { ...state.charter, operators: [{ name: 'eve', publicKey: 'ZXZl' }] } })],
  ['no revocations', (state) => ({ ...state, charter: { ...state.charter, revocations: [], policyVersion: 1 } })],
  ['no mark of its charter', (state) => ({ ...state, charterMark: undefined })],
  [
    'other voters in its configuration',
    (state) => ({
      ...state,
      configuration: { ...state.configuration, voters: state.charter.voters.slice(0, 1) },
    }),
  ],
  [
    'other voters throughout',
    (state) => ({
      ...state,
      charter: { ...state.charter, voters: state.charter.voters.slice(0, 1) },
      configuration: { ...state.configuration, voters: state.charter.voters.slice(0, 1) },
    }),
  ],
  [
    'a change of voters under way',
    (state) => ({
      ...state,
      configuration: { ...state.configuration, outgoing: state.configuration.voters, voters: state.charter.voters.slice(0, 1) },
    }),
  ],
  [
    'an uncertified change of voters',
    (state) => ({
      ...state,
      pendingChanges: [{ index: 9, epoch: 1, before: state.charter.voters, now: [], digestBefore: '', digestNow: '' }],
    }),
  ],
  ['no links', (state) => ({ ...state, links: [] })],
  ['garbage in place of a link', (state) => ({ ...state, links: [{ index: 2, certificate: 'AAAA' }] })],
  ['a link at another index', (state) => ({ ...state, links: state.links.map((link) => ({ ...link, index: link.index + 1 })) })],
])('rule 5: a leader’s snapshot with %s is not installed', ([, forge]) => {
  expect(flaw(group, forge(group.state))).toBeTypeOf('string')
})

test('the configuration beside the state is held to it', () => {
  const { data, configuration } = group.snapshot()
  const check = { chain: group.chain, decodeCertificate }
  expect(flawOfSnapshot({ configuration: { ...configuration, voters: configuration.voters.slice(1) }, data }, check)).toBeTypeOf(
    'string',
  )
  expect(flawOfSnapshot({ configuration: { ...configuration, version: 9 }, data }, check)).toBeTypeOf('string')
  expect(flawOfSnapshot({ configuration, data: Uint8Array.of(1) }, check)).toBeTypeOf('string')
})

test('a charter that was certified once takes nobody back: what is held is newer', () => {
  const later = settledGroup()
  const before = later.state
  later.setPolicies({ a: 2 })
  expect(isCertified(later.state)).toBe(false)
  expect(flaw(later, later.state)).toContain('nobody vouches')
  expect(flaw(later, later.state, { held: later.state })).toBeUndefined()
  expect(flaw(later, before, { held: later.state })).toContain('is known here')
  later.keepCertificate()
  expect(flaw(later, later.state, { held: before })).toBeUndefined()
})
