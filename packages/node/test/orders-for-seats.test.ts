import { expect, it, onTestFinished } from 'vitest'
import { operatorKeyFile, operatorSigner } from '../src/charter/operator-signer.ts'
import { initMesh } from '../src/enrol/init-mesh.ts'
import { joinMesh } from '../src/enrol/join-mesh.ts'
import type { VsmcpNode } from '../src/node-init.ts'
import { createNode } from '../src/vsmcp-node.ts'
import { emptyDirectory, initOf } from './support/group.ts'
import { why } from './support/operator.ts'
import { attach } from './support/servers.ts'

/** The machine may be busy with other things. */
const grace = { timeout: 30_000, interval: 100 }

async function started(dataDir: string): Promise<VsmcpNode> {
  const node = createNode(initOf(dataDir))
  await node.start()
  onTestFinished(() => node.stop())
  return node
}

async function joined(member: VsmcpNode, name: string, group: string): Promise<VsmcpNode> {
  const dataDir = await emptyDirectory()
  const { token } = await member.control.createInvitation({ role: 'member', ttlMs: 60_000, uses: 1, group })
  await joinMesh({ dataDir, token, name })
  return started(dataDir)
}

/** A mesh of `a`, and of `b` in a group below it. */
async function nested(): Promise<{ a: VsmcpNode; b: VsmcpNode; rootDir: string; id: string }> {
  const rootDir = await emptyDirectory()
  await initMesh({ dataDir: rootDir, name: 'a' })
  const a = await started(rootDir)
  await a.control.wait({ leader: true, timeoutMs: 30_000 })
  const { id } = await a.control.createGroup({ path: 'eu' })
  return { a, b: await joined(a, 'b', '/eu'), rootDir, id }
}

it('a member takes a seat above by a token for delegates, and speaks for its group beside the founder', async () => {
  const { a, b, id } = await nested()
  const { token } = await a.control.createInvitation({ role: 'member', ttlMs: 60_000, uses: 1, delegateOf: '/eu' })
  expect(await b.control.takeSeat({ token })).toMatchObject({ path: '/', part: 'seat' })
  const delegates = async (): Promise<string[]> => (await a.control.group(id)).delegates.map(({ name }) => name).toSorted()
  await expect.poll(delegates, grace).toEqual(['a', 'b'])
  await b.control.attach(attach('inner', 'legacy-server'))
  await a.control.wait({ tool: 'eu__inner__sum', timeoutMs: 30_000 })
  const { result } = await a.control.call({ tool: 'eu__inner__sum', args: { a: 1, b: 2 }, timeoutMs: 30_000 })
  expect(JSON.stringify(result)).toContain('"sum":3')
  // Once more it is the same seat; a token for another group gives no second home.
  expect(await b.control.takeSeat({ token })).toMatchObject({ path: '/' })
  const plain = await a.control.createInvitation({ role: 'member', ttlMs: 60_000, uses: 1, group: '/eu' })
  await expect(b.control.takeSeat({ token: plain.token })).rejects.toThrow(/has its home in already/)
})

it('an operator evicts from a group below by a member of both: the evicted stops, the group above knows nothing of it but the record', async () => {
  const { a, b, rootDir } = await nested()
  const c = await joined(a, 'c', '/eu')
  const { peerId } = c.ready
  await expect.poll(async () => (await b.control.members({})).map(({ name }) => name), grace).toContain('c')
  const { untilMs, joinedAtIndex } = await a.control.draftEviction(peerId, { group: '/eu' })
  const operator = await operatorSigner(operatorKeyFile(rootDir), await a.control.charter({ group: '/eu' }))
  const order = operator.sign({ op: 'member:evict', peer: peerId, joinedAtIndex, untilMs, ...why } as const)
  // Where it is no member it is not evicted either.
  await expect(a.control.draftEviction('c')).rejects.toMatchObject({ code: 'VSMCP_NODE_MEMBER_UNKNOWN' })
  await a.control.evict({ ...order, group: '/eu' })
  await expect.poll(async () => (await b.control.members({})).map(({ name }) => name), grace).not.toContain('c')
  const { revocations } = await b.control.charter()
  expect(revocations.map((each) => each.peerId)).toEqual([peerId])
  expect((await a.control.charter()).revocations).toEqual([])
})
