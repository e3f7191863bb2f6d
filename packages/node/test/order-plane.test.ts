import { type Logger, silentLogger } from '@vsmcp/kernel'
import { expect, it } from 'vitest'
import type { StaleOrderError } from '../src/errors.ts'
import { type Following, OrderPlane, withToken } from '../src/system5/order-plane.ts'
import { followersOf, leaderOf, startGroup } from './support/group.ts'

const METHOD = 'test:order'
const OPTIONS = { deadlineMs: 5_000 }
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

/** A group over real connections, and one follower that obeys orders of this test. */
async function obedient(logger: Logger = silentLogger) {
  const nodes = await startGroup(3)
  const leader = leaderOf(nodes)
  const [follower, other] = followersOf(nodes)
  const { control, log, trust } = follower
  const following = (): Following => {
    const { term, leader: known } = log.requireStatus()
    return { epoch: trust.chain.epoch, term, index: log.applied, leader: known }
  }
  new OrderPlane({ control, following, logger }).handle(METHOD, async ({ payload }) => Buffer.from(`done: ${text(payload)}`))
  const order = (from: typeof leader, change: Partial<Following>): Promise<Uint8Array> =>
    from.control.call(follower.peer, METHOD, withToken({ ...following(), ...change }, Buffer.from('it')), OPTIONS)
  return { leader, follower, other, following, order }
}

it('an order of the leader that is followed is carried out; by a lower term, epoch or index it is refused, and said to be stale', async () => {
  const warnings: string[] = []
  const { leader, follower, following, order } = await obedient({ ...silentLogger, warn: (_, message) => warnings.push(message) })
  const { term, epoch, index } = following()
  expect(text(await order(leader, {}))).toBe('done: it')
  const stale = { remoteCode: 'VSMCP_NODE_STALE_ORDER' satisfies StaleOrderError['code'] }
  await expect(order(leader, { term: term - 1 })).rejects.toMatchObject(stale)
  await expect(order(leader, { epoch: epoch - 1 })).rejects.toMatchObject(stale)
  await expect(order(leader, { index: index - 1 })).rejects.toMatchObject(stale)
  expect(warnings).toEqual(Array(3).fill('refused an order by a stale token'))
  expect(text(await order(leader, {}))).toBe('done: it')
  expect(follower.log.requireStatus().term).toBe(term)
})

it('a leader that was replaced without knowing it moves nobody any more', async () => {
  const { leader, other, following, order } = await obedient()
  const before = following()
  await order(leader, before)
  // What it would still send, had it been paused while others elected.
  leader.log.handOver()
  await expect.poll(() => following().leader).not.toBe(leader.peer)
  await expect(order(leader, before)).rejects.toMatchObject({ remoteCode: 'VSMCP_NODE_STALE_ORDER' })
  if (following().leader === other.peer) expect(text(await order(other, {}))).toBe('done: it')
})

it('a member that makes a higher token up is not obeyed, and the leader still is', async () => {
  const { leader, other, following, order } = await obedient()
  const { term } = following()
  const unknown = { remoteCode: 'VSMCP_NODE_NOT_BORNE_OUT' }
  await expect(order(other, {})).rejects.toMatchObject(unknown)
  await expect(order(other, { term: term + 1_000_000 })).rejects.toMatchObject(unknown)
  await expect(order(leader, { term: term + 1 })).rejects.toMatchObject(unknown)
  expect(text(await order(leader, {}))).toBe('done: it')
})
