import { foundGroup, type GroupState } from '@vsmcp/consensus'
import { silentLogger } from '@vsmcp/kernel'
import { generateIdentity } from '@vsmcp/security'
import { GroupRecursion } from '@vsmcp/vsm'
import { expect, test } from 'vitest'
import { Foreigners } from '../src/recursion/foreigners.ts'

const NOW = 1_800_000_000_000
const [founder, delegate, guest] = [generateIdentity().peerId, generateIdentity().peerId, generateIdentity().peerId]

function group(): GroupState {
  const charter = {
    meshId: '00112233445566778899aabbccddeeff',
    meshName: 'm',
    meshPublicKey: 'bWVzaA',
    groupId: 'here',
    path: '/here',
    epoch: 1,
    featureLevel: 4,
    voters: [founder],
    policies: {},
    operators: [],
    revocations: [],
    zones: [],
  }
  const alone = foundGroup(charter, { peer: founder, name: 'f', role: 'member', zone: '', addresses: [], joinedAtMs: 0 })
  const first = alone.members.get(founder)
  if (first === undefined) throw new Error('no founder')
  const members = alone.members.with(delegate, { ...first, delegateOf: 'child' }).with(guest, { ...first, joinedAtMs: NOW + 1 })
  return { ...alone, members }
}

function made() {
  const seen: { refused: ReadonlySet<string>; cut: string[] } = { refused: new Set(), cut: [] }
  const foreigners = new Foreigners({
    lineage: () => ['root', 'here'],
    group,
    trust: { refuseEvictedElsewhere: (peers) => (seen.refused = peers) },
    mesh: {
      peerId: founder,
      peers: () => [delegate, guest].map((peer) => ({ peer })) as never,
      hangUp: async (peer) => void seen.cut.push(peer),
    },
    logger: silentLogger,
  })
  const recursion = new GroupRecursion({ self: founder, group: 'here' })
  const evict = (peer: string, by: string): void => {
    recursion.revocations.hear([{ peer, group: by, atMs: NOW, untilMs: NOW + 1e9 }], 'child', NOW)
    foreigners.look(recursion)
  }
  return { seen, evict, recursion, foreigners }
}

test('a delegate that its own group evicted is cut off and refused here, once', () => {
  const { seen, evict, recursion, foreigners } = made()
  evict(delegate, 'child')
  foreigners.look(recursion)
  expect([[...seen.refused], seen.cut]).toEqual([[delegate], [delegate]])
})

test('whom a group above evicted is refused, member or not any more', () => {
  const { seen, evict } = made()
  evict('12D3KooWgone', 'root')
  evict(delegate, 'root')
  expect([...seen.refused].sort()).toEqual(['12D3KooWgone', delegate].sort())
})

test('a group evicts nobody of another one, and nobody that was let in since', () => {
  const { seen, evict } = made()
  evict(founder, 'child')
  evict(delegate, 'sibling')
  evict(guest, 'root')
  expect([[...seen.refused], seen.cut]).toEqual([[], []])
})

test('what ends with the credential is forgotten: it is refused no longer', () => {
  const { seen, evict, recursion, foreigners } = made()
  evict(delegate, 'child')
  recursion.tick(NOW + 1e9)
  foreigners.look(recursion)
  expect([...seen.refused]).toEqual([])
})
