import { describe, expect, it } from 'vitest'

import { echo, echoes, eventually, everything, folder, type LocalNode, nodesIn, statusOf, stopMesh, vsmcp } from './lib/world.ts'

interface Group {
  path: string
  part: 'home' | 'seat' | 'none'
  parent: { path: string; reached: boolean } | null
  delegates: { name: string; alive: boolean }[]
}

const homeOf = async (node: LocalNode): Promise<Group | undefined> =>
  ((await node.watchStatus()()) as { groups: Group[] }).groups.find(({ part }) => part === 'home')

describe('groups in groups, on real processes', () => {
  it('three levels call each other, go on when a delegate is killed, and one that is cut off decides alone and comes back', async () => {
    const dir = folder()
    const { nodes, start, into } = nodesIn(dir)
    await vsmcp(`${dir}/r1`, 'init', '--name', 'mesh')
    const r1 = await start('r1')
    await r1.vsmcp('wait', '--leader')
    await r1.vsmcp('group', 'create', 'eu')
    const [e1, e2] = (await into(r1, '/eu', 'e1', 'e2')) as [LocalNode, LocalNode]
    await e1.vsmcp('group', 'create', 'plant')
    const [p1, p2] = (await into(e1, '/eu/plant', 'p1', 'p2')) as [LocalNode, LocalNode]
    await Promise.all([r1.vsmcp('attach', 'office', '--', ...everything), p2.vsmcp('attach', 'robot', '--', ...everything)])

    // Down two levels by its listed name and by name alone, up two levels, and across.
    await r1.vsmcp('wait', '--tool', 'eu__plant__robot__echo', '--timeout', '20s')
    expect(await echo(r1, 'eu__plant__robot__echo', 'listed')).toContain('listed')
    await echoes(e2, 'robot__echo', 'by name')
    await echoes(p2, 'office__echo', 'upward')

    // Both of its members speak for the plant; one of them is killed, without a word.
    await eventually('two delegates of the plant', async () =>
      (await homeOf(p2))?.delegates.filter(({ name, alive }) => alive && name !== 'e1').length === 2 ? true : undefined,
    )
    await p1.end('SIGKILL')
    expect(await echo(p2, 'office__echo', 'by the other one')).toContain('by the other one')
    await echoes(r1, 'eu__plant__robot__echo', 'by the other one')
    const back = await start('p1', p1.sameAddresses)

    // All that is above is gone: the plant goes on, and decides.
    await stopMesh([r1, e1, e2])
    await eventually('the plant to say that it is alone', async () =>
      (await homeOf(p2))?.parent?.reached === false ? true : undefined,
    )
    await back.vsmcp('wait', '--members', '2', '--leader', '--timeout', '20s')
    await back.vsmcp('attach', 'newborn', '--', ...everything)
    await p2.vsmcp('wait', '--tool', 'newborn__echo', '--timeout', '20s')
    expect(await echo(p2, 'newborn__echo', 'alone')).toContain('alone')
    const upward = await echo(p2, 'office__echo', 'nobody').catch(String)
    expect(upward).toMatch(/VSMCP_NOT_SENT|not sent|no member with a seat above|System 5|known in this group/)

    // It is back: what was decided meanwhile is known above.
    await Promise.all([start('r1', r1.sameAddresses), start('e1', e1.sameAddresses), start('e2', e2.sameAddresses)])
    const again = nodes.findLast(({ ready }) => ready.name === 'r1') as LocalNode
    await again.vsmcp('wait', '--tool', 'eu__plant__newborn__echo', '--timeout', '20s')
    await echoes(again, 'eu__plant__newborn__echo', 'together')
    await expect.poll(async () => (await statusOf(p2)).problems).toEqual([])

    // A node of the group between evicts from the one below, by the key that the mesh was made with.
    const between = nodes.findLast(({ ready }) => ready.name === 'e1') as LocalNode
    const signed = ['--reason', 'stolen', '--operator-key', `${dir}/r1/operator.key`]
    expect(await between.vsmcp('evict', 'p1', '--group', '/eu/plant', ...signed)).toMatchObject({ evicted: back.ready.peerId })
    await eventually('the plant to be without it', async () =>
      ((await p2.vsmcp('members')) as { name: string }[]).some(({ name }) => name === 'p1') ? undefined : true,
    )
    // Twenty processes begin and end here; on a busy machine each takes its time.
  }, 120_000)
})
