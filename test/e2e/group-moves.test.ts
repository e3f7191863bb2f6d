import { expect, it } from 'vitest'

import { echoes, eventually, everything, failure, folder, type LocalNode, nodesIn, vsmcp } from './lib/world.ts'

interface Moved {
  group: { id: string; path: string }
  released: boolean | null
}

it('a group whose group above is gone is moved to another one by its own decision; the former one lets go of it when it is back', async () => {
  const dir = folder()
  const { start, into } = nodesIn(dir)
  const pathsOf = async (node: LocalNode): Promise<string[]> =>
    ((await node.vsmcp('group', 'ls')) as { path: string }[]).map(({ path }) => path)
  await vsmcp(`${dir}/r1`, 'init', '--name', 'mesh')
  const r1 = await start('r1')
  await r1.vsmcp('wait', '--leader')
  const [r2] = (await into(r1, '/', 'r2')) as [LocalNode]
  await r2.vsmcp('wait', '--members', '2', '--leader')
  // The only voter of /eu is its founder, r2; that of /eu/plant is e1.
  await r2.vsmcp('group', 'create', 'eu')
  const [e1] = (await into(r2, '/eu', 'e1')) as [LocalNode]
  await e1.vsmcp('group', 'create', 'plant')
  const [p1] = (await into(e1, '/eu/plant', 'p1')) as [LocalNode]
  await p1.vsmcp('attach', 'robot', '--', ...everything)
  await echoes(r1, 'eu__plant__robot__echo', 'where it was founded')

  await r2.end('SIGKILL')
  const { token } = (await r1.vsmcp('invite')) as { token: string }
  const move = ['group', 'move', '/eu/plant', '/hall', '--operator-key', `${dir}/r1/operator.key`]
  expect(await failure(`${dir}/p1`, ...move)).toMatchObject({ error: { code: 'VSMCP_NODE_GROUP_UNKNOWN' } })
  const moved = (await p1.vsmcp(...move, '--token', token)) as Moved
  expect(moved.group.path).toBe('/hall')
  expect(moved.released).not.toBe(true)
  await echoes(r1, 'hall__robot__echo', 'where it stands')
  expect(await pathsOf(p1)).toContain('/hall')
  // The same command again finds nothing left to do.
  expect(((await p1.vsmcp(...move)) as Moved).group).toMatchObject({ id: moved.group.id, path: '/hall' })

  const back = await start('r2', r2.sameAddresses)
  await back.vsmcp('wait', '--leader', '--timeout', '20s')
  await eventually('the former group above to let go', async () => {
    const paths = await pathsOf(back)
    return paths.includes('/eu') && !paths.includes('/eu/plant') && paths.includes('/hall') ? true : undefined
  })
  await echoes(back, 'hall__robot__echo', 'for all')
}, 120_000)
