import { describe, expect, it } from 'vitest'

import { everything, eventually, LocalNode, meshOf, nth, statusOf } from './lib/world.ts'

interface CallAnswer {
  result: { content: { text: string }[] }
  nodeName: string
}

async function echo(node: LocalNode, message: string): Promise<CallAnswer> {
  return (await node.vsmcp('call', 'echo', '--args', JSON.stringify({ message }))) as CallAnswer
}

describe('a mesh of three processes', () => {
  it('answers at every node by a tool of another, survives its leader, and takes the killed node back as it was', async () => {
    const { nodes } = await meshOf('a', 'b', 'c')
    const [a, b, c] = [nth(nodes, 0), nth(nodes, 1), nth(nodes, 2)]
    await b.vsmcp('attach', 'everything', '--', ...everything)
    for (const node of [a, c]) {
      await node.vsmcp('wait', '--tool', 'echo', '--timeout', '20s')
      const answer = await echo(node, `from ${node.ready.name}`)
      expect(answer.nodeName).toBe('b')
      expect(nth(answer.result.content, 0).text).toContain(`from ${node.ready.name}`)
    }
    await eventually('three voters', async () => ((await statusOf(b)).system5.failuresTolerated === 1 ? true : undefined))

    const before = (await statusOf(b)).system5
    const leader = nth(
      nodes.filter(({ ready }) => ready.peerId === before.leader),
      0,
    )
    const survivor = leader === a ? c : a
    await leader.end('SIGKILL')
    const after = await eventually('another leader', async () => {
      const { system5 } = await statusOf(survivor)
      return system5.leader !== null && system5.leader !== before.leader ? system5 : undefined
    })
    expect(after.term).toBeGreaterThan(before.term)

    const back = await LocalNode.start(leader.dataDir, leader.ready.name)
    nodes[nodes.indexOf(leader)] = back
    expect(back.ready.peerId).toBe(leader.ready.peerId)
    await survivor.vsmcp('wait', '--members', '3', '--leader', '--tool', 'echo', '--timeout', '30s')
    expect((await echo(survivor, 'again')).nodeName).toBe('b')
    expect((await echo(back, 'and here')).nodeName).toBe('b')
  }, 90_000)

  it('lets a member leave for good: the others go on, decide, and no longer count it', async () => {
    const { nodes } = await meshOf('a', 'b', 'c')
    const [a, b] = [nth(nodes, 0), nth(nodes, 1)]
    await eventually('three voters', async () => ((await statusOf(b)).system5.voters.length === 3 ? true : undefined))
    await a.vsmcp('leave')
    const left = await eventually('two members', async () => {
      const status = await statusOf(b)
      return status.members.known === 2 && status.system5.leader !== null ? status : undefined
    })
    expect(left.system5.voters).not.toContain(a.ready.peerId)
    expect(await b.vsmcp('invite')).toHaveProperty('token')
  }, 60_000)

  it('keeps what was decided when every node is killed at once', async () => {
    const { nodes } = await meshOf('a', 'b', 'c')
    const { id } = (await nth(nodes, 1).vsmcp('invite')) as { id: string }
    await Promise.all(nodes.map((node) => node.end('SIGKILL')))
    const again = await Promise.all(nodes.map((node) => LocalNode.start(node.dataDir, node.ready.name, node.sameAddresses)))
    nodes.splice(0, nodes.length, ...again)
    await nth(again, 0).vsmcp('wait', '--members', '3', '--leader', '--timeout', '30s')
    const invitations = (await nth(again, 2).vsmcp('invite', 'ls')) as { id: string }[]
    expect(invitations.map((invitation) => invitation.id)).toContain(id)
  }, 90_000)
})
