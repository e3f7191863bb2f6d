import { describe, expect, it, onTestFinished } from 'vitest'
import { operatorKeyFile, operatorSigner } from '../src/charter/operator-signer.ts'
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

async function founded(dataDir?: string): Promise<VsmcpNode> {
  const dir = dataDir ?? (await emptyDirectory())
  await initMesh({ dataDir: dir, name: 'a' })
  const node = await started(dir)
  await node.control.wait({ leader: true, timeoutMs: 30_000 })
  return node
}

async function joined(member: VsmcpNode, name: string, group: string): Promise<VsmcpNode> {
  const dataDir = await emptyDirectory()
  const { token } = await member.control.createInvitation({ role: 'member', ttlMs: 60_000, uses: 1, group })
  await joinMesh({ dataDir, token, name })
  return started(dataDir)
}

const call = async (node: VsmcpNode, tool: string, args: Record<string, unknown>): Promise<string> =>
  JSON.stringify((await node.control.call({ tool, args, timeoutMs: 30_000 })).result)

const POLL = { timeout: 30_000, interval: 100 }

/** Three levels: / with a, /eu with b, /eu/plant with c; who founded a group has a seat in it. */
async function threeLevels(): Promise<[a: VsmcpNode, b: VsmcpNode, c: VsmcpNode]> {
  const a = await founded()
  await a.control.createGroup({ path: 'eu' })
  const b = await joined(a, 'b', '/eu')
  await b.control.createGroup({ path: 'plant' })
  return [a, b, await joined(b, 'c', '/eu/plant')]
}

describe('groups at three levels', () => {
  it('tell the root what is below, find each other’s tools by filters, and carry pain up and word of it down', async () => {
    const [a, , c] = await threeLevels()
    await c.control.attach(attach('robot', 'legacy-server'))
    const told = async () => (await a.control.group('/eu')).told
    await expect.poll(async () => (await told())?.toolNames ?? 0, POLL).toBeGreaterThan(2)
    expect(await told()).toMatchObject({ members: 2, groups: 1, levels: 1, alertsOpen: 0 })
    expect(await call(a, 'robot__sum', { a: 1, b: 2 })).toContain('"sum":3')
    await expect(call(a, 'nobody__has', {})).rejects.toThrow(/no tool nobody__has is known/)

    const { id } = await c.control.raiseAlert({
      feeling: 'pain',
      severity: 'critical',
      subject: 'pump 3 is dry',
      text: 'since noon',
    })
    const atRoot = async () => (await a.control.alerts({ all: true })).find(({ subject }) => subject === 'pump 3 is dry')
    await expect.poll(atRoot, POLL).toMatchObject({ unit: 'eu', severity: 'critical' })
    const raised = await atRoot()
    expect(raised?.text).toContain('/eu')
    await a.control.acknowledgeAlert({ id: raised?.id ?? '', reason: 'seen' })
    const below = async () => (await c.control.alerts({ all: true })).find((alert) => alert.id === id)
    await expect.poll(async () => (await below())?.state, POLL).toBe('acknowledged')
    await c.control.resolveAlert({ id, reason: 'filled' })
    await expect.poll(async () => (await atRoot())?.state, POLL).toBe('over')
  })
})

describe('an eviction', () => {
  it('by a group below ends who speaks for it, in the group above, too', async () => {
    const dataDir = await emptyDirectory()
    const a = await founded(dataDir)
    await a.control.createGroup({ path: 'eu' })
    const b = await joined(a, 'b', '/eu')
    const { token } = await a.control.createInvitation({ role: 'member', ttlMs: 60_000, uses: 1, group: '/', delegateOf: '/eu' })
    await b.control.takeSeat({ token })
    const above = async () => (await a.control.members({ group: '/' })).find(({ name }) => name === 'b')
    await expect.poll(async () => (await above())?.state, POLL).toBe('alive')

    const { peerId: peer, joinedAtIndex, untilMs } = await a.control.draftEviction('b', { group: '/eu' })
    const signer = await operatorSigner(operatorKeyFile(dataDir), await a.control.charter({ group: '/eu' }))
    const order = { op: 'member:evict', peer, joinedAtIndex, untilMs, reason: 'stolen', signedAtMs: Date.now() } as const
    await a.control.evict({ ...signer.sign(order), group: '/eu' })
    // The root has decided nothing about it, and refuses it all the same.
    await expect.poll(async () => (await above())?.state, POLL).toBe('failed')
    expect((await a.control.charter({ group: '/' })).revocations).toEqual([])
  })
})
