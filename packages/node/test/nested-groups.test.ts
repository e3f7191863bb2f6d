import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { joinMesh } from '../src/enrol/join-mesh.ts'
import type { VsmcpNode } from '../src/node-init.ts'
import { GroupUnknownError } from '../src/errors.ts'
import { emptyDirectory } from './support/group.ts'
import { callOf, eventually, founded, joined, operatorAt, started } from './support/nodes.ts'
import { why } from './support/operator.ts'
import { attach } from './support/servers.ts'

/** What a unit wrote on stderr. */
async function linesOf(node: VsmcpNode, unit: string): Promise<string> {
  const lines: string[] = []
  for await (const { fields } of node.control.logs({ unit, follow: false })) lines.push(JSON.stringify(fields ?? {}))
  return lines.join('\n')
}

/** What a node said of records that it refused. */
async function refusalsAt(node: VsmcpNode): Promise<unknown[]> {
  const refusals: unknown[] = []
  for await (const { msg, fields } of node.control.logs({ follow: false }))
    if (/record of a group/.test(msg)) refusals.push(fields)
  return refusals
}

describe('a group below another', () => {
  it('is founded by a member of the one above, joined by its token, and its tools are called from above, and those above from below', async () => {
    const a = await founded('a')
    const eu = await a.control.createGroup({ path: 'eu' })
    expect(eu).toMatchObject({ path: '/eu', part: 'seat', members: { known: 1, alive: 1 }, leaderName: 'a' })
    const b = await joined(a, 'b', '/eu')
    expect((await b.control.status()).group).toMatchObject({ id: eu.id, path: '/eu' })
    await b.control.attach(attach('inner', 'legacy-server'))
    await a.control.wait({ tool: 'eu__inner__sum', timeoutMs: 30_000 })
    expect(await callOf(a, 'eu__inner__sum', { a: 1, b: 2 })).toContain('"sum":3')
    await a.control.attach(attach('outer', 'legacy-server'))
    await eventually(() => callOf(b, 'outer__sum', { a: 2, b: 3 }).catch(String)).toContain('"sum":5')
    // What becomes of a call is told across groups as within one: sent, no answer in time, cancelled where it runs.
    const slow = { tool: 'eu__inner__wait', args: { name: 'x' }, timeoutMs: 1_500 }
    await expect(a.control.call(slow)).rejects.toMatchObject({ code: 'VSMCP_OUTCOME_UNKNOWN' })
    await eventually(() => linesOf(b, 'inner')).toContain('cancelled x')
    await expect(b.control.call({ ...slow, tool: 'outer__wait' })).rejects.toMatchObject({ code: 'VSMCP_OUTCOME_UNKNOWN' })
    await eventually(() => linesOf(a, 'outer')).toContain('cancelled x')
    // Both say what is next to them.
    const told = async (node: VsmcpNode) => (await node.control.self()).recursion
    await eventually(async () => (await told(a)).below[0]?.told?.members).toBe(1)
    expect(await told(a)).toMatchObject({ above: null, below: [{ id: eu.id, path: '/eu', awaited: false }], belowMore: 0 })
    await eventually(async () => (await told(b)).above?.heard).toMatch(/^\d{4}-/)
    expect((await b.control.status()).recursion).toMatchObject({ above: { path: '/', reached: true }, below: [] })
    // A newcomer, which has records before it has the docket, holds that against nobody.
    expect(await refusalsAt(b)).toEqual([])
    // Not listed above: found below by its name.
    await eventually(() => callOf(a, 'inner__sum', { a: 3, b: 4 }).catch(String)).toContain('"sum":7')
    expect((await a.control.members({ group: '/eu' })).map(({ name }) => name)).toEqual(expect.arrayContaining(['a', 'b']))
  })

  it('has nobody speak for it who is no member, whatever invitation that one holds; no use of it is spent', async () => {
    const a = await founded('a')
    const [eu, us] = [await a.control.createGroup({ path: 'eu' }), await a.control.createGroup({ path: 'us' })]
    const { id, token } = await a.control.createInvitation({ role: 'member', ttlMs: 60_000, uses: 1, delegateOf: eu.path })
    const stranger = await emptyDirectory()
    await expect(joinMesh({ dataDir: stranger, token, name: 'x' })).rejects.toThrow(/shows no papers of the group/)
    const sister = await joined(a, 'y', us.path)
    await expect(sister.control.takeSeat({ token })).rejects.toThrow(/is no member of the group/)
    expect((await a.control.invitations()).find((each) => each.id === id)?.used).toBe(0)
    const member = await joined(a, 'b', eu.path)
    expect(await member.control.takeSeat({ token })).toMatchObject({ path: '/', part: 'seat' })
  })

  it('nests: calls go down and up over three levels, and what a level does not list is found by name', async () => {
    const dir = await emptyDirectory()
    const a = await founded('a', dir)
    await a.control.createGroup({ path: 'eu' })
    const b = await joined(a, 'b', '/eu')
    const plant = await b.control.createGroup({ path: 'plant' })
    expect(plant.path).toBe('/eu/plant')
    const c = await joined(b, 'c', plant.path)
    expect((await c.control.status()).group.path).toBe('/eu/plant')
    await c.control.attach(attach('robot', 'legacy-server'))
    await a.control.attach(attach('office', 'legacy-server'))
    await a.control.wait({ tool: 'eu__plant__robot__sum', timeoutMs: 30_000 })
    expect(await callOf(a, 'eu__plant__robot__sum', { a: 1, b: 1 })).toContain('"sum":2')
    // A level hears of what is below it within a second or so of the level between.
    await eventually(() => callOf(a, 'robot__sum', { a: 1, b: 2 }).catch(String)).toContain('"sum":3')
    await eventually(() => callOf(c, 'office__sum', { a: 2, b: 2 }).catch(String)).toContain('"sum":4')
    await expect(callOf(c, 'nobody__has', {})).rejects.toThrow(/no tool nobody__has is known/)

    // A node shows and changes each group that it has a seat in, and says of another one who can.
    const eu = { group: '/eu' }
    expect((await a.control.units(eu)).map(({ name, nodeName }) => [name, nodeName])).toContainEqual(['plant', 'b'])
    expect((await a.control.tools(eu)).map(({ name }) => name)).toContain('plant__robot__sum')
    const { policyVersion: expects } = await a.control.charter(eu)
    const change = (await operatorAt(a, dir, '/eu')).sign({
      op: 'policy:set',
      policies: { retries: 3 },
      expects,
      ...why,
    } as const)
    await expect(a.control.changeCharter(change)).rejects.toMatchObject({ code: 'VSMCP_NODE_REFUSED' })
    await a.control.changeCharter({ ...change, ...eu })
    expect(await a.control.charter(eu)).toMatchObject({ policies: { retries: 3 }, policyVersion: expects + 1 })
    expect((await a.control.charter()).policies).toEqual({})
    for (const asked of [
      () => a.control.units(plantOnly),
      () => a.control.tools(plantOnly),
      () => a.control.changeCharter({ ...change, ...plantOnly }),
    ]) {
      await expect(asked()).rejects.toMatchObject({
        code: 'VSMCP_NODE_GROUP_UNKNOWN',
        hint: expect.stringContaining('`vsmcp group show` names them') as string,
      })
    }
  })

  it('has two of its own speak for it above, and its founder leaves it to them; calls go on when one of the two is gone', async () => {
    const a = await founded('a')
    const { id } = await a.control.createGroup({ path: 'eu' })
    const inner = [await joined(a, 'b', '/eu'), await joined(a, 'c', '/eu'), await joined(a, 'd', '/eu')]
    await inner[2]?.control.attach(attach('tool', 'legacy-server'))
    await a.control.wait({ tool: 'eu__tool__sum', timeoutMs: 30_000 })
    const part = async (): Promise<string> => (await a.control.group(id)).part
    await expect.poll(part, { timeout: 50_000, interval: 200 }).toBe('none')
    await eventually(async () => (await a.control.group(id)).delegates.map(({ alive }) => alive)).toEqual([true, true])
    const { delegates } = await a.control.group(id)
    // Not the one that hosts the tool.
    const one = delegates.find(({ name }) => name !== 'd')
    const gone = inner.find((node) => node.ready.peerId === one?.peerId)
    await gone?.stop()
    expect(await callOf(a, 'eu__tool__sum', { a: 2, b: 3 })).toContain('"sum":5')
  })
})

const plantOnly = { group: '/eu/plant' }

describe('a seat beside the home group', () => {
  it('comes back with the node, is shown in status and tree, and its group is renamed, emptied and removed', async () => {
    const dataDir = await emptyDirectory()
    const first = await founded('a', dataDir)
    const { id } = await first.control.createGroup({ path: 'eu' })
    // The same again changes nothing.
    expect((await first.control.createGroup({ path: 'eu' })).id).toBe(id)
    await first.stop()
    const a = await started(dataDir)
    expect(await a.control.group('/eu')).toMatchObject({ id, part: 'seat', children: [] })
    await eventually(async () => (await a.control.status()).problems).toEqual([])
    const { groups, group } = await a.control.status()
    expect([group.path, groups.map(({ path }) => path)]).toEqual(['/', ['/', '/eu']])
    const paths = (await a.control.tree()).map(({ path }) => path.join('/'))
    expect(paths).toContain(`node/seats/${id}/system5/consensus`)
    expect(await a.control.renameGroup({ group: '/eu', name: 'us' })).toMatchObject({ id, path: '/us' })
    await eventually(async () => (await a.control.units()).map(({ name }) => name)).toEqual(['us'])
    const b = await joined(a, 'b', '/us')
    await eventually(async () => (await a.control.members({ group: '/us' })).length).toBe(2)
    await expect(a.control.removeGroup('/us')).rejects.toThrow(/not empty: 1 other member/)
    await b.control.wait({ leader: true, members: 2, timeoutMs: 30_000 })
    await b.control.leave()
    await eventually(async () => (await a.control.members({ group: '/us' })).length).toBe(1)
    await a.control.removeGroup('/us')
    await eventually(async () => (await a.control.groups()).map(({ path }) => path)).toEqual(['/'])
    await eventually(() => a.control.units()).toEqual([])
    await expect(a.control.members({ group: '/us' })).rejects.toThrow(GroupUnknownError)
  })

  it('that cannot be opened holds up neither the node nor the others, and is tried again', async () => {
    const dataDir = await emptyDirectory()
    const first = await founded('a', dataDir)
    const { id } = await first.control.createGroup({ path: 'eu' })
    const other = await first.control.createGroup({ path: 'us' })
    await first.stop()
    const file = join(dataDir, 'seats', id, 'enrolment.json')
    const whole = await readFile(file, 'utf8')
    await writeFile(file, whole.slice(0, 40))
    const a = await started(dataDir)
    expect(await a.control.group(other.id)).toMatchObject({ path: '/us', problem: null })
    expect((await a.control.status()).problems.join()).toMatch(/the seat of this node in it does not run.*damaged/)
    await writeFile(file, whole)
    await eventually(async () => (await a.control.group(id)).problem).toBe(null)
  })

  it('is left with the node: the innermost first', async () => {
    const a = await founded('a')
    const b = await joined(a, 'b')
    await a.control.wait({ members: 2, timeoutMs: 30_000 })
    await b.control.wait({ members: 2, leader: true, timeoutMs: 30_000 })
    await b.control.createGroup({ path: 'eu' })
    await b.control.createGroup({ path: '/eu/plant' })
    expect((await b.control.groups()).map(({ path }) => path)).toEqual(['/', '/eu', '/eu/plant'])
    await b.control.leave()
    expect(await b.stopped).toEqual({ reason: 'left' })
    await eventually(async () => (await a.control.groups()).map(({ path }) => path)).toEqual(['/'])
    expect((await a.control.members()).map(({ name }) => name)).toEqual(['a'])
  })

  it('is not for who knows no such group, or asks for what cannot be', async () => {
    const a = await founded('a')
    await expect(a.control.createGroup({ path: '/nowhere/x' })).rejects.toThrow(/this node knows no group \/nowhere/)
    await expect(a.control.createGroup({ path: 'No Name' })).rejects.toThrow(/cannot be a group's name/)
    await a.control.attach(attach('files', 'legacy-server'))
    await expect(a.control.createGroup({ path: 'files' })).rejects.toThrow(/files is a unit here/)
    await expect(a.control.removeGroup('/')).rejects.toThrow(/outermost group/)
    await expect(a.control.takeSeat({ token: 'vsmcp1.nonsense' })).rejects.toThrow(/token/)
    expect(await a.control.groups()).toHaveLength(1)
  })
})
