import { InvalidArgumentError, seededRandom } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import type { Configuration, MemberChange } from '../src/index.ts'
import {
  changedConfiguration,
  configurationAfter,
  decodeConfigurationStep,
  EMPTY_CONFIGURATION,
  encodeConfigurationStep,
  isJoint,
  leftConfiguration,
} from '../src/raft/configuration.ts'
import { bytes } from './support/cluster.ts'

const three: Configuration = { ...EMPTY_CONFIGURATION, voters: ['a', 'b', 'c'] }
const change = (...changes: [MemberChange['type'], string][]): { changes: MemberChange[] } => ({
  changes: changes.map(([type, peer]) => ({ type, peer })),
})

test('one voter more or fewer is a simple change, two are a joint one', () => {
  expect(changedConfiguration(three, change(['voter', 'd']))).toEqual({
    ...three,
    voters: ['a', 'b', 'c', 'd'],
    version: 1,
  })
  expect(changedConfiguration(three, change(['remove', 'a'], ['learner', 'd']))).toEqual({
    ...three,
    voters: ['b', 'c'],
    learners: ['d'],
    version: 1,
  })
  expect(changedConfiguration(three, change(['voter', 'd'], ['remove', 'a']))).toEqual({
    voters: ['b', 'c', 'd'],
    outgoing: ['a', 'b', 'c'],
    learners: [],
    learnersNext: [],
    autoLeave: true,
    version: 1,
  })
})

test('the version counts changes of voters: neither learners nor the end of a joint configuration', () => {
  const after = (before: Configuration, ...changes: [MemberChange['type'], string][]): Configuration =>
    changedConfiguration(before, change(...changes))
  expect(after(three, ['learner', 'd'], ['learner', 'e']).version).toBeUndefined()
  const joint = after({ ...three, version: 6 }, ['voter', 'd'], ['remove', 'a'])
  expect([joint.version, leftConfiguration(joint).version]).toEqual([7, 7])
  expect(after(leftConfiguration(joint), ['learner', 'f']).version).toBe(7)
})

test('random changes keep voters and learners apart, never lose the last voter, and end where they aimed', () => {
  const random = seededRandom(11)
  const peers = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  let configuration = three
  for (let i = 0; i < 5_000; i++) {
    const changes = peers
      .filter(() => random.next() < 0.4)
      .map((peer): MemberChange => ({
        type: (['voter', 'learner', 'remove'] as const)[Math.floor(random.next() * 3)] ?? 'voter',
        peer,
      }))
    const data = encodeConfigurationStep({ changes })
    const after = configurationAfter(configuration, data)
    if (changes.length === 0) expect(after).toBe(configuration)
    const left = isJoint(after) ? leftConfiguration(after) : after
    for (const { voters, learners, learnersNext, outgoing } of [after, left]) {
      expect(voters.length).toBeGreaterThan(0)
      expect(learners.filter((peer) => voters.includes(peer) || outgoing.includes(peer))).toEqual([])
      expect(learnersNext.filter((peer) => !outgoing.includes(peer))).toEqual([])
    }
    if (after !== configuration) {
      for (const { type, peer } of changes) {
        expect(left.voters.includes(peer)).toBe(type === 'voter')
        expect(left.learners.includes(peer)).toBe(type === 'learner')
      }
    }
    configuration = left
  }
})

test('a configuration entry that cannot be read or taken changes nothing, on any node', () => {
  for (const data of [
    bytes(''),
    bytes('{}'),
    bytes('{"changes":[]}'),
    bytes('{"leave":true}'),
    new Uint8Array([255]),
    bytes('['.repeat(1_000)),
  ]) {
    expect(configurationAfter(three, data)).toBe(three)
  }
  const joint = changedConfiguration(three, change(['voter', 'd'], ['voter', 'e']))
  expect(configurationAfter(joint, encodeConfigurationStep(change(['voter', 'f'])))).toBe(joint)
})

test('steps are read back as they were written', () => {
  const step = change(['voter', 'a'], ['remove', 'b'])
  expect(decodeConfigurationStep(encodeConfigurationStep(step))).toEqual(step)
  const endorsed = { ...step, endorsements: [{ peer: 'a', signature: 'AAAA' }] }
  expect(decodeConfigurationStep(encodeConfigurationStep(endorsed))).toEqual(endorsed)
  for (const endorsements of [
    {},
    [1],
    [{ peer: '', signature: 'A' }],
    [{ peer: 'a' }],
    Array.from({ length: 8 }, () => ({ peer: 'a', signature: 'A' })),
  ]) {
    const data = bytes(JSON.stringify({ ...step, endorsements }))
    expect(() => decodeConfigurationStep(data)).toThrow(InvalidArgumentError)
  }
  expect(decodeConfigurationStep(encodeConfigurationStep('leave'))).toBe('leave')
  expect(() => decodeConfigurationStep(bytes('{"changes":[{"peer":"a","type":"king"}]}'))).toThrow(InvalidArgumentError)
})
