import { describe, expect, it, onTestFinished } from 'vitest'
import { initMesh } from '../src/enrol/init-mesh.ts'
import { joinMesh } from '../src/enrol/join-mesh.ts'
import type { NodeInit, VsmcpNode } from '../src/node-init.ts'
import { createNode } from '../src/vsmcp-node.ts'
import { emptyDirectory, initOf } from './support/group.ts'
import { attach } from './support/servers.ts'

async function started(dataDir: string, change: Partial<NodeInit> = {}): Promise<VsmcpNode> {
  const node = createNode(initOf(dataDir, change))
  await node.start()
  onTestFinished(() => node.stop())
  return node
}

async function founded(name = 'a'): Promise<VsmcpNode> {
  const dataDir = await emptyDirectory()
  await initMesh({ dataDir, name })
  const node = await started(dataDir)
  await node.control.wait({ leader: true, timeoutMs: 10_000 })
  return node
}

async function joined(member: VsmcpNode, name: string, group?: string): Promise<VsmcpNode> {
  const dataDir = await emptyDirectory()
  const request = { role: 'member', ttlMs: 60_000, uses: 1, ...(group === undefined ? {} : { group }) } as const
  const { token } = await member.control.createInvitation(request)
  await joinMesh({ dataDir, token, name })
  return started(dataDir)
}

const call = async (node: VsmcpNode, tool: string, args: Record<string, unknown>): Promise<string> =>
  JSON.stringify((await node.control.call({ tool, args, timeoutMs: 10_000 })).result)

describe('a group below another', () => {
  it('is founded by a member of the one above, joined by its token, and its tools are called from above, and those above from below', async () => {
    const a = await founded('a')
    const eu = await a.control.createGroup({ path: 'eu' })
    expect(eu).toMatchObject({ path: '/eu', part: 'seat', members: { known: 1, alive: 1 }, leaderName: 'a' })
    const b = await joined(a, 'b', '/eu')
    expect((await b.control.status()).group).toMatchObject({ id: eu.id, path: '/eu' })
    await b.control.attach(attach('inner', 'legacy-server'))
    await a.control.wait({ tool: 'eu__inner__sum', timeoutMs: 10_000 })
    expect(await call(a, 'eu__inner__sum', { a: 1, b: 2 })).toContain('"sum":3')
    await a.control.attach(attach('outer', 'legacy-server'))
    await expect.poll(() => call(b, 'outer__sum', { a: 2, b: 3 }).catch(String), { timeout: 10_000 }).toContain('"sum":5')
    // Not listed above: found below by its name.
    expect(await call(a, 'inner__sum', { a: 3, b: 4 })).toContain('"sum":7')
    expect((await a.control.members({ group: '/eu' })).map(({ name }) => name)).toEqual(expect.arrayContaining(['a', 'b']))
  })
})
