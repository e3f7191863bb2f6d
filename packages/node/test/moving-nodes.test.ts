import { describe, expect, it } from 'vitest'
import type { GroupMoved } from '../src/seats/contract.ts'
import type { VsmcpNode } from '../src/node-init.ts'
import { emptyDirectory } from './support/group.ts'
import { callOf, eventually, founded, joined, operatorAt, started } from './support/nodes.ts'
import { why } from './support/operator.ts'
import { attach } from './support/servers.ts'

/** As `vsmcp group move` does it, with the key that `init` made. */
async function move(
  node: VsmcpNode,
  keyDir: string,
  { group, to, token }: { group: string; to: string; token?: string },
): Promise<GroupMoved> {
  const { order } = await node.control.draftGroupMove({ group, to, ...(token === undefined ? {} : { token }) })
  if (order === null) return node.control.moveGroup({ group, to })
  const signer = await operatorAt(node, keyDir, group)
  return node.control.moveGroup({ group, to, order: signer.sign({ ...order, ...why }) })
}

const homeOf = async (node: VsmcpNode): Promise<string> => (await node.control.status()).group.path
const unitsOf = async (node: VsmcpNode): Promise<string[]> => (await node.control.units()).map(({ name }) => name)

describe('a group of nodes is moved below another one', () => {
  it('on a node that has a part in all of them: calls across go where it stands, its pain climbs there, and it hears that one', async () => {
    const dir = await emptyDirectory()
    const a = await founded('a', dir)
    for (const path of ['/eu', '/us', '/eu/plant']) await a.control.createGroup({ path })
    const { id } = await a.control.group('/eu/plant')
    const [b, c] = [await joined(a, 'b', '/eu/plant'), await joined(a, 'c', '/us')]
    await Promise.all([b.control.attach(attach('robot', 'legacy-server')), c.control.attach(attach('desk', 'legacy-server'))])
    await a.control.wait({ tool: 'eu__plant__robot__sum', timeoutMs: 30_000 })
    expect(await callOf(a, 'eu__plant__robot__sum', { a: 1, b: 2 })).toContain('"sum":3')

    await expect(move(a, dir, { group: '/eu', to: '/eu/plant' })).rejects.toMatchObject({
      code: 'VSMCP_NODE_GROUP_PLACE_REFUSED',
      details: { reason: 'cycle' },
    })
    expect(await move(a, dir, { group: '/eu/plant', to: '/us' })).toMatchObject({
      group: { id, path: '/us/plant', awaited: false },
      released: true,
    })

    // It is the same group, under another path, for those in it, too.
    await eventually(() => homeOf(b)).toBe('/us/plant')
    await eventually(() => unitsOf(c)).toEqual(expect.arrayContaining(['desk', 'plant']))
    await a.control.wait({ tool: 'us__plant__robot__sum', timeoutMs: 30_000 })
    expect(await callOf(a, 'us__plant__robot__sum', { a: 2, b: 2 })).toContain('"sum":4')
    await eventually(() => callOf(c, 'plant__robot__sum', { a: 2, b: 3 }).catch(String)).toContain('"sum":5')
    await eventually(() => callOf(b, 'desk__sum', { a: 3, b: 3 }).catch(String)).toContain('"sum":6')
    await expect(callOf(a, 'eu__plant__robot__sum', { a: 1, b: 1 })).rejects.toThrow(/no tool (?:eu__)?plant__robot__sum/)
    await eventually(async () => (await b.control.self()).recursion.above).toMatchObject({ path: '/us', reached: true })
    await eventually(async () => (await b.control.self()).recursion.above?.heard).toMatch(/^\d{4}-/)
    await eventually(async () => (await c.control.self()).recursion.below).toMatchObject([
      { id, path: '/us/plant', awaited: false },
    ])

    await b.control.raiseAlert({ subject: 'it burns', severity: 'critical', text: '', feeling: 'pain' })
    await eventually(async () => (await c.control.alerts({ all: false })).map(({ subject }) => subject)).toContain('it burns')
    const { problems } = await a.control.status()
    expect(problems.filter((problem) => problem.startsWith('group '))).toEqual([])
  }, 120_000)

  it('and stands there after a restart: as a unit of that one, by its path', async () => {
    const dir = await emptyDirectory()
    const first = await founded('a', dir)
    for (const path of ['/eu', '/us', '/eu/plant']) await first.control.createGroup({ path })
    const { id } = await first.control.group('/eu/plant')
    await move(first, dir, { group: '/eu/plant', to: '/us/hall' })
    await first.stop()
    const a = await started(dir)
    await eventually(async () => (await a.control.groups()).map(({ path }) => path)).toEqual(['/', '/eu', '/us', '/us/hall'])
    expect(await a.control.group(id)).toMatchObject({ path: '/us/hall', part: 'seat', awaited: false, parent: { path: '/us' } })
    await eventually(async () => (await a.control.status()).problems).toEqual([])
  }, 60_000)

  it('by a node at home in it, with an invitation to the group above: it speaks for it there, and no more where it stood', async () => {
    const dir = await emptyDirectory()
    const a = await founded('a', dir)
    await a.control.createGroup({ path: '/eu' })
    await a.control.createGroup({ path: '/eu/plant' })
    const { id } = await a.control.group('/eu/plant')
    const b = await joined(a, 'b', '/eu/plant')
    const d = await joined(a, 'd')
    await b.control.attach(attach('robot', 'legacy-server'))
    await a.control.wait({ tool: 'eu__plant__robot__sum', timeoutMs: 30_000 })
    // It has become a delegate in the group above.
    await eventually(async () => (await b.control.groups()).map(({ path, part }) => `${path} ${part}`)).toContain('/eu seat')

    await expect(b.control.draftGroupMove({ group: '/eu/plant', to: '/' })).rejects.toMatchObject({
      code: 'VSMCP_NODE_GROUP_UNKNOWN',
    })
    const { token } = await d.control.createInvitation({ role: 'member', ttlMs: 60_000, uses: 1 })
    expect((await move(b, dir, { group: '/eu/plant', to: '/hall', token })).group).toMatchObject({ id, path: '/hall' })

    await eventually(() => homeOf(b)).toBe('/hall')
    const parts = async (): Promise<string[]> => (await b.control.groups()).map(({ path, part }) => `${path} ${part}`)
    await eventually(parts).toEqual(['/ seat', '/eu none', '/hall home'])
    await eventually(() => unitsOf(d)).toContain('hall')
    await eventually(() => callOf(d, 'hall__robot__sum', { a: 1, b: 1 }).catch(String)).toContain('"sum":2')
    await eventually(async () => (await a.control.group(id)).delegates.map(({ name }) => name)).toContain('b')
    await eventually(async () => (await a.control.members({ group: '/eu' })).map(({ name }) => name)).toEqual(['a'])
  }, 120_000)
})
