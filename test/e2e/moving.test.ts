import { describe, expect, it } from 'vitest'

import { eventually, LocalNode, meshOf, nth, statusOf, vsmcp } from './lib/world.ts'

describe('members that moved', () => {
  it('find each other through the one that stayed, whoever leads', async () => {
    const { nodes } = await meshOf('a', 'b', 'c')
    await eventually('three voters', async () => ((await statusOf(nth(nodes, 1))).system5.voters.length === 3 ? true : undefined))
    const [a, b, c] = [nth(nodes, 0), nth(nodes, 1), nth(nodes, 2)]
    await Promise.all(nodes.map((node) => node.end('SIGTERM')))
    nodes.splice(0, 3)
    nodes.push(await LocalNode.start(b.dataDir, 'b'), await LocalNode.start(c.dataDir, 'c'))
    nodes.push(await LocalNode.start(a.dataDir, 'a', a.sameAddresses))
    for (const node of nodes) await node.vsmcp('wait', '--members', '3', '--leader', '--timeout', '30s')
  }, 90_000)

  it('let in a joiner whose inviter is down, by the other members the invitation names', async () => {
    const { nodes, dir } = await meshOf('a', 'b', 'c')
    await eventually('three voters', async () => ((await statusOf(nth(nodes, 1))).system5.voters.length === 3 ? true : undefined))
    const { token } = (await nth(nodes, 2).vsmcp('invite')) as { token: string }
    await nth(nodes, 2).end('SIGKILL')
    await nth(nodes, 0).vsmcp('wait', '--leader', '--timeout', '30s')
    expect(await vsmcp(`${dir}/d`, 'join', token)).toMatchObject({ meshId: expect.any(String) })
  }, 60_000)
})
