import { NotSentError, OutcomeUnknownError, telemetry } from '@vsmcp/kernel'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { AttachRequest } from '../src/system1/contract.ts'
import { claimsView } from '../src/system2/claims-view.ts'
import { followersOf, foundMesh, leaderOf, startGroup, type TestNode, until } from './support/group.ts'
import { attach } from './support/servers.ts'

type Claims = NonNullable<AttachRequest['claims']>

const ALONE: Claims = [{ resource: 'arm', shared: false }]

interface Call {
  /** What the tool answered. */
  text: Promise<string>
  cancel: () => void
}

/** A call through this node, as a client's. */
function call(node: TestNode, target: string, args: object = {}, { deadlineMs = 60_000, meta = {} } = {}): Call {
  const controller = new AbortController()
  const reply = node.router.request({
    method: 'tools/call',
    target,
    paramsJson: JSON.stringify({ name: target, arguments: args, _meta: meta }),
    deadlineMs,
    signal: controller.signal,
    onNotification: () => {},
  })
  const text = reply.then((answer) => ('resultJson' in answer ? answer.resultJson : answer.error.message))
  // Whoever looks at it sees it fail.
  text.catch(() => {})
  return { text, cancel: () => controller.abort() }
}

/** What the server was told of its claims. */
async function toldClaims({ text }: Call): Promise<Record<string, { epoch: number; token: number; shared: boolean }>> {
  const result = JSON.parse(await text) as { content: [{ text: string }] }
  const { meta } = JSON.parse(result.content[0].text) as { meta: Record<string, never> }
  return meta['vsmcp/claims'] ?? {}
}

/** A unit at this node, whose tools the whole group lists. */
async function attached(nodes: readonly TestNode[], at: TestNode, name: string, claims = ALONE): Promise<void> {
  await at.units.attach(attach(name, 'legacy-server', [], { claims }))
  for (const node of nodes)
    await until(node, () => node.catalog.tools.some(({ qualifiedName }) => qualifiedName === `${name}__meta`))
}

const view = ({ log }: TestNode) => claimsView(log.state, (peer) => peer)
const holderOf = (node: TestNode): string | undefined => view(node)[0]?.holders[0]?.unit
const waitersOf = (node: TestNode): string[] => (view(node)[0]?.waiters ?? []).map(({ unit }) => unit)

describe('units that claim the same resource', () => {
  it('are called one after the other, by tokens that grow, and a call that waits while another one runs has not begun', async () => {
    const nodes = await startGroup(3)
    const [one, other] = followersOf(nodes)
    await attached(nodes, one, 'left')
    await attached(nodes, other, 'right')
    const first = await toldClaims(call(other, 'left__meta', {}, { meta: { 'vsmcp/claims': { arm: 'mine' } } }))
    expect(first).toEqual({ arm: { epoch: 1, token: expect.any(Number), shared: false } })
    const running = call(leaderOf(nodes), 'left__wait', { name: 'x' })
    const waiting = call(one, 'right__meta')
    await until(one, () => waitersOf(one).includes('right'))
    expect(holderOf(one)).toBe('left')
    running.cancel()
    const second = await toldClaims(waiting)
    expect(second['arm']?.token).toBeGreaterThan(first['arm']?.token ?? 0)
    await until(one, () => holderOf(one) === 'right')
    // Back and forth, from everywhere at once: each call is made, and the tokens never go back.
    const all = await Promise.all(
      Array.from({ length: 24 }, async (_, i) => {
        const node = nodes[i % 3] ?? one
        return (await toldClaims(call(node, i % 2 === 0 ? 'left__meta' : 'right__meta')))['arm']?.token ?? 0
      }),
    )
    expect(Math.min(...all)).toBeGreaterThanOrEqual(second['arm']?.token ?? 0)
  }, 120_000)

  it('keep what they hold under the next leader, and wait in the same order', async () => {
    const nodes = await startGroup(3)
    const leader = leaderOf(nodes)
    const [one, other] = followersOf(nodes)
    await attached(nodes, one, 'left')
    await attached(nodes, other, 'right')
    const running = call(one, 'left__wait', { name: 'x' })
    await until(one, () => holderOf(one) === 'left')
    const token = view(one)[0]?.holders[0]?.token
    const waiting = call(other, 'right__meta')
    await until(one, () => waitersOf(one).includes('right'))
    await leader.stop()
    await until(one, () => one.log.isLeader || other.log.isLeader)
    expect(view(one)[0]?.holders[0]).toMatchObject({ unit: 'left', token })
    expect(waitersOf(one)).toEqual(['right'])
    running.cancel()
    expect((await toldClaims(waiting))['arm']?.token).toBeGreaterThan(token ?? 0)
  }, 120_000)

  it('share what both claim to share', async () => {
    const node = await foundMesh()
    const shared = [{ resource: 'camera', shared: true }]
    await attached([node], node, 'left', shared)
    await attached([node], node, 'right', shared)
    const running = call(node, 'left__wait', { name: 'x' })
    expect(await toldClaims(call(node, 'right__meta'))).toMatchObject({ camera: { shared: true } })
    running.cancel()
  }, 120_000)
})

describe('a call that needs a claim', () => {
  it('is not sent when it does not get it in time, or is cancelled while it waits', async () => {
    const node = await foundMesh()
    await attached([node], node, 'left')
    await attached([node], node, 'right')
    const running = call(node, 'left__wait', { name: 'x' })
    await until(node, () => holderOf(node) === 'left')
    const told: object[] = []
    onTestFinished(
      telemetry('vsmcp:system2:claim').subscribe((event) => {
        if (event.unit === 'right') told.push(event)
      }),
    )
    const late = await call(node, 'right__meta', {}, { deadlineMs: 100 }).text.catch((error: unknown) => error)
    expect(late).toBeInstanceOf(NotSentError)
    expect((late as Error).message).toContain('did not get arm')
    expect(told).toMatchObject([{ unit: 'right', resources: ['arm'], outcome: 'not-granted' }])
    const cancelled = call(node, 'right__meta')
    await until(node, () => waitersOf(node).length > 0)
    cancelled.cancel()
    await expect(cancelled.text).rejects.toBeInstanceOf(NotSentError)
    // Who gives up leaves the queue.
    await until(node, () => waitersOf(node).length === 0)
    running.cancel()
    await expect(running.text).rejects.toBeInstanceOf(OutcomeUnknownError)
  }, 120_000)

  it('leaves nothing claimed when its unit is detached, or its node stops', async () => {
    const node = await foundMesh()
    await attached([node], node, 'left')
    await call(node, 'left__meta').text
    expect(holderOf(node)).toBe('left')
    await node.units.detach('left')
    await until(node, () => view(node).length === 0)
    await attached([node], node, 'right')
    await call(node, 'right__meta').text
    const running = call(node, 'right__wait', { name: 'x' })
    await expect.poll(() => node.units.get('right')?.counters().inFlight, { timeout: 60_000 }).toBe(1)
    await node.claims.stop()
    await until(node, () => view(node).length === 0)
    await expect(running.text).rejects.toThrow()
    // A part may be started again.
    await node.claims.start()
    expect(await toldClaims(call(node, 'right__meta'))).toHaveProperty('arm')
  }, 120_000)
})

describe('attaching', () => {
  it('refuses claims that the docket would not take, and another claim under the same name', async () => {
    const node = await foundMesh()
    const claiming = (claims: Claims) => node.units.attach(attach('left', 'legacy-server', [], { claims }))
    await expect(claiming([...ALONE, ...ALONE])).rejects.toThrow('claimed twice')
    await expect(claiming([{ resource: '', shared: false }])).rejects.toThrow('cannot be the name')
    await expect(claiming(Array.from({ length: 9 }, (_, i) => ({ resource: `r${i}`, shared: true })))).rejects.toThrow('up to 8')
    await claiming(ALONE)
    await expect(claiming([{ resource: 'arm', shared: true }])).rejects.toThrow('different unit')
    expect(await claiming(ALONE)).toBe('unchanged')
  }, 120_000)
})
