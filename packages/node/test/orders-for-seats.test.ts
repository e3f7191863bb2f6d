import { expect, it } from 'vitest'
import type { VsmcpNode } from '../src/node-init.ts'
import { emptyDirectory } from './support/group.ts'
import { callOf, eventually, founded, joined, operatorAt } from './support/nodes.ts'
import { why } from './support/operator.ts'
import { attach } from './support/servers.ts'

/** A mesh of `a`, and of `b` in a group below it. */
async function nested(): Promise<{ a: VsmcpNode; b: VsmcpNode; rootDir: string; id: string }> {
  const rootDir = await emptyDirectory()
  const a = await founded('a', rootDir)
  const { id } = await a.control.createGroup({ path: 'eu' })
  return { a, b: await joined(a, 'b', '/eu'), rootDir, id }
}

it('a member takes a seat above by a token for delegates, and speaks for its group beside the founder', async () => {
  const { a, b, id } = await nested()
  const { token } = await a.control.createInvitation({ role: 'member', ttlMs: 60_000, uses: 1, delegateOf: '/eu' })
  expect(await b.control.takeSeat({ token })).toMatchObject({ path: '/', part: 'seat' })
  const delegates = async (): Promise<string[]> => (await a.control.group(id)).delegates.map(({ name }) => name).toSorted()
  await eventually(delegates).toEqual(['a', 'b'])
  await b.control.attach(attach('inner', 'legacy-server'))
  await a.control.wait({ tool: 'eu__inner__sum', timeoutMs: 30_000 })
  expect(await callOf(a, 'eu__inner__sum', { a: 1, b: 2 })).toContain('"sum":3')
  // Once more it is the same seat; a token for another group gives no second home.
  expect(await b.control.takeSeat({ token })).toMatchObject({ path: '/' })
  const plain = await a.control.createInvitation({ role: 'member', ttlMs: 60_000, uses: 1, group: '/eu' })
  await expect(b.control.takeSeat({ token: plain.token })).rejects.toThrow(/has its home in already/)
})

it('an operator evicts from a group below by a member of both: the evicted stops, the group above knows nothing of it but the record', async () => {
  const { a, b, rootDir } = await nested()
  const c = await joined(a, 'c', '/eu')
  const { peerId } = c.ready
  await eventually(async () => (await b.control.members({})).map(({ name }) => name)).toContain('c')
  const { untilMs, joinedAtIndex } = await a.control.draftEviction(peerId, { group: '/eu' })
  const operator = await operatorAt(a, rootDir, '/eu')
  const order = operator.sign({ op: 'member:evict', peer: peerId, joinedAtIndex, untilMs, ...why } as const)
  // Where it is no member it is not evicted either.
  await expect(a.control.draftEviction('c')).rejects.toMatchObject({ code: 'VSMCP_NODE_MEMBER_UNKNOWN' })
  await a.control.evict({ ...order, group: '/eu' })
  await eventually(async () => (await b.control.members({})).map(({ name }) => name)).not.toContain('c')
  const { revocations } = await b.control.charter()
  expect(revocations.map((each) => each.peerId)).toEqual([peerId])
  expect((await a.control.charter()).revocations).toEqual([])
})
