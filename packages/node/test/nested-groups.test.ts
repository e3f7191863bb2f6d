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

  it('nests: calls go down and up over three levels, and what a level does not list is found by name', async () => {
    const a = await founded('a')
    await a.control.createGroup({ path: 'eu' })
    const b = await joined(a, 'b', '/eu')
    const plant = await b.control.createGroup({ path: 'plant' })
    expect(plant.path).toBe('/eu/plant')
    const c = await joined(b, 'c', plant.path)
    expect((await c.control.status()).group.path).toBe('/eu/plant')
    await c.control.attach(attach('robot', 'legacy-server'))
    await a.control.attach(attach('office', 'legacy-server'))
    await a.control.wait({ tool: 'eu__plant__robot__sum', timeoutMs: 20_000 })
    expect(await call(a, 'eu__plant__robot__sum', { a: 1, b: 1 })).toContain('"sum":2')
    expect(await call(a, 'robot__sum', { a: 1, b: 2 })).toContain('"sum":3')
    expect(await call(c, 'office__sum', { a: 2, b: 2 })).toContain('"sum":4')
    await expect(call(c, 'nobody__has', {})).rejects.toThrow(/no tool nobody__has is known/)
  })

  it('has two of its own speak for it above, and its founder leaves it to them; calls go on when one of the two is gone', async () => {
    const a = await founded('a')
    const { id } = await a.control.createGroup({ path: 'eu' })
    const inner = [await joined(a, 'b', '/eu'), await joined(a, 'c', '/eu'), await joined(a, 'd', '/eu')]
    await inner[2]?.control.attach(attach('tool', 'legacy-server'))
    await a.control.wait({ tool: 'eu__tool__sum', timeoutMs: 20_000 })
    const part = async (): Promise<string> => (await a.control.group(id)).part
    await expect.poll(part, { timeout: 50_000, interval: 200 }).toBe('none')
    const { delegates } = await a.control.group(id)
    expect(delegates.map(({ name }) => name).sort()).toEqual(['b', 'c'])
    const gone = inner.find((node) => node.ready.peerId === delegates[0]?.peerId)
    await gone?.stop()
    expect(await call(a, 'eu__tool__sum', { a: 2, b: 3 })).toContain('"sum":5')
  })
})
