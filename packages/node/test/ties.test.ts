import type { GroupState, Operation } from '@vsmcp/consensus'
import { Table } from '@vsmcp/consensus'
import { seededRandom, silentLogger, systemClock } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import { type Membership, Memberships } from '../src/recursion/memberships.ts'
import { Ties } from '../src/recursion/ties.ts'

interface Given {
  group: string
  parent: () => string | undefined
  members: string[]
  groups?: GroupState['groups']
  /** Who says that it has a seat above. */
  announced?: () => string[]
  isMoved?: () => boolean
}

/** What of a membership is looked at; the founder of each is `self`. */
function membership({ group, parent, members, groups = Table.empty(), announced = () => [], isMoved = () => false }: Given) {
  const specs = new Map<string, { name: string; source: { kind: 'group'; group: string } }>()
  const heard = new Set<(event: { effects: { type: string }[] }) => void>()
  const parts = {
    log: {
      state: {
        groups,
        units: Table.empty(),
        members: Table.from(members.map((peer) => [peer, {}])),
        charter: { groupId: group },
      },
      on: (event: string, listener: (event: { effects: { type: string }[] }) => void) => {
        if (event === 'entry:applied') heard.add(listener)
        return () => heard.delete(listener)
      },
    },
    members: { on: () => () => {}, isAlive: () => true },
    delegates: { announce: async () => {}, of: announced },
    trust: { chain: { group, parent: {}, eras: [{ voters: ['self'] }], firstCharter: { charter: new Uint8Array() } } },
    place: {
      get moved() {
        return isMoved() ? {} : undefined
      },
    },
    units: {
      specs: () => [...specs.values()],
      get: () => undefined,
      attach: async ({ name, source }: { name: string; source: { kind: 'group'; group: string } }) =>
        void specs.set(name, { name, source }),
      detach: async (name: string) => void specs.delete(name),
    },
  }
  const made = {
    group,
    get parent() {
      return parent()
    },
    isHome: false,
    parts,
    members: () => [],
  } as unknown as Membership
  /** Something was decided there. */
  const decided = (type: Operation['op'] | 'group:moved'): void => heard.forEach((listener) => listener({ effects: [{ type }] }))
  return { made, specs, decided }
}

const child = (founder: string, awaited = false) => ({
  name: 'plant',
  founder,
  // Of no bytes.
  charterDigest: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  createdAtMs: 0,
  createdAtIndex: 2,
  ...(awaited ? ({ awaited: true, move: 1 } as const) : {}),
})

function tied(...all: Membership[]): { gone: string[] } {
  const memberships = new Memberships(silentLogger)
  const gone: string[] = []
  memberships.serve({
    take: async () => '',
    giveUp: async (group) => {
      gone.push(group)
      memberships.ended(group)
    },
  })
  const ties = new Ties({ self: 'self', memberships, clock: systemClock, random: seededRandom(1), logger: silentLogger })
  for (const each of all) memberships.began(each)
  void ties.start()
  return { gone }
}

test('a group is run as a unit where it stands by its own word, and nowhere else, whatever is listed', async () => {
  let parent = 'eu'
  const plant = membership({ group: 'plant', parent: () => parent, members: ['self'] })
  const eu = membership({
    group: 'eu',
    parent: () => undefined,
    members: ['self'],
    groups: Table.from([['plant', child('self')]]),
  })
  const us = membership({
    group: 'us',
    parent: () => undefined,
    members: ['self'],
    groups: Table.from([['plant', child('self')]]),
  })
  tied(eu.made, us.made, plant.made)
  await expect.poll(() => [eu.specs.size, us.specs.size]).toEqual([1, 0])
  parent = 'us'
  plant.decided('group:moved')
  await expect.poll(() => [eu.specs.size, us.specs.size]).toEqual([0, 1])
})

test('a place that is kept is run by nobody', async () => {
  const plant = membership({ group: 'plant', parent: () => 'us', members: ['self'] })
  const groups = Table.from([
    ['plant', child('self', true)],
    ['line', { ...child('self'), name: 'line' }],
  ])
  const us = membership({ group: 'us', parent: () => undefined, members: ['self'], groups })
  const line = membership({ group: 'line', parent: () => 'us', members: ['self'] })
  tied(us.made, plant.made, line.made)
  await expect.poll(() => [...us.specs.keys()]).toEqual(['line'])
})

test('who founded a group that was moved where it has no part leaves it once others decide there, and two of them speak for it', async () => {
  let announced = ['b']
  let isMoved = false
  const members = ['self', 'b', 'c', 'd']
  const plant = membership({ group: 'plant', parent: () => 'us', members, announced: () => announced, isMoved: () => isMoved })
  const { gone } = tied(plant.made)
  const settled = async (): Promise<string[]> => {
    plant.decided('group:moved')
    await new Promise((resolve) => setImmediate(resolve))
    return gone
  }
  announced = ['b', 'c']
  // Where it was founded the docket above says when.
  expect(await settled()).toEqual([])
  isMoved = true
  announced = ['b']
  expect(await settled()).toEqual([])
  announced = ['b', 'c']
  expect(await settled()).toEqual(['plant'])
})
