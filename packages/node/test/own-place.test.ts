import type { GroupPlace } from '@vsmcp/consensus'
import { NotSentError } from '@vsmcp/kernel'
import type { Chain } from '@vsmcp/security'
import { expect, test } from 'vitest'
import { GroupServer } from '../src/recursion/group-server.ts'
import type { Membership, Memberships } from '../src/recursion/memberships.ts'
import { OwnPlace } from '../src/recursion/own-place.ts'

const chain = (group: string, path: string, parent?: Chain): Chain => ({ group, path, parent }) as unknown as Chain
const FOUNDED = chain('plant', '/eu/plant', chain('eu', '/eu', chain('root', '/')))
const MOVED: GroupPlace = {
  parent: 'us',
  move: 2,
  path: '/us/hall',
  former: '/eu/plant',
  lineage: ['root', 'us'],
  by: 'ops',
  reason: '',
  atMs: 0,
  index: 9,
}

test('a group stands where it was founded, then where it was moved, by the path and below the groups that those above name now', () => {
  let place: GroupPlace | undefined
  let heard: { path: string; lineage: string[] } | undefined
  const own = new OwnPlace({ chain: () => FOUNDED, state: () => ({ place }), heard: () => heard })
  const all = (): unknown[] => [own.parent, own.move, own.path, own.lineage]
  expect(all()).toEqual(['eu', 0, '/eu/plant', ['root', 'eu', 'plant']])
  place = MOVED
  expect(all()).toEqual(['us', 2, '/us/hall', ['root', 'us', 'plant']])
  heard = { path: '/all/us/hall', lineage: ['root', 'all', 'us'] }
  expect(all()).toEqual(['us', 2, '/all/us/hall', ['root', 'all', 'us', 'plant']])
  const root = new OwnPlace({ chain: () => chain('root', '/'), state: () => undefined, heard: () => undefined })
  expect([root.parent, root.move, root.path, root.lineage]).toEqual([undefined, 0, '/', ['root']])
})

test('who calls a group where it stood before is told that nothing was executed', async () => {
  const asked: unknown[] = []
  let parent = 'eu'
  const seat = {
    get parent() {
      return parent
    },
    parts: { router: { request: async (request: unknown) => asked.push(request) } },
  } as unknown as Membership
  const memberships = { get: () => seat } as unknown as Memberships
  const server = new GroupServer({ group: 'plant', parent: 'eu', version: '0' }, memberships)
  const call = async (): Promise<unknown> =>
    server.request({ method: 'tools/call', paramsJson: '{"name":"x"}', via: [] } as unknown as Parameters<
      GroupServer['request']
    >[0])
  await call()
  expect(asked).toMatchObject([{ target: 'x', via: ['eu'] }])
  parent = 'us'
  await expect(call()).rejects.toThrow(NotSentError)
  expect(asked).toHaveLength(1)
})
