import type { RoutedRequest } from '@vsmcp/mcp'
import { systemClock, telemetry } from '@vsmcp/kernel'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { FallbackAnswers } from '../src/degradation/contract.ts'
import { callTool } from '../src/control/tool-call.ts'
import { checkedFallbacks } from '../src/degradation/checked-fallbacks.ts'
import { FALLBACKS_COLLECTION } from '../src/degradation/fallbacks.ts'
import { ShedError } from '../src/errors.ts'
import { foundMesh, startGroup, type TestNode, until } from './support/group.ts'
import { attach } from './support/servers.ts'

const grace = { timeout: 30_000 }
const SUM: FallbackAnswers = { sum: { content: [{ type: 'text', text: 'about 3' }], structuredContent: { sum: 3 } } }

function request(tool: string, args: object): RoutedRequest {
  return {
    method: 'tools/call',
    target: tool,
    paramsJson: JSON.stringify({ name: tool, arguments: args }),
    deadlineMs: 20_000,
    signal: new AbortController().signal,
    onNotification: () => {},
  }
}

async function asked(node: TestNode, tool = 'u__sum', args: object = { a: 1, b: 1 }): Promise<Record<string, unknown>> {
  const reply = await node.router.request(request(tool, args))
  return JSON.parse('resultJson' in reply ? reply.resultJson : '{}') as Record<string, unknown>
}

/** What an MCP client gets. */
async function overHttp(node: TestNode): Promise<string> {
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
  const post = (method: string, params: object, session?: string): Promise<Response> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const named = session === undefined ? headers : { ...headers, 'mcp-session-id': session }
    return fetch(node.gateway.url(), { method: 'POST', headers: named, body })
  }
  const protocolVersion = '2025-11-25'
  const begun = await post('initialize', { protocolVersion, capabilities: {}, clientInfo: { name: 'test', version: '1' } })
  await begun.text()
  const session = begun.headers.get('mcp-session-id') ?? expect.fail('a session is begun')
  return (await post('tools/call', { name: 'u__sum', arguments: { a: 1, b: 1 } }, session)).text()
}

const synthetic = (code: string) => ({
  content: [{ type: 'text', text: 'about 3' }],
  structuredContent: { sum: 3 },
  _meta: { 'vsmcp/synthetic': true, 'vsmcp/syntheticReason': expect.stringContaining(code) as string },
})

/** Waits until this node knows what stands in for the unit's answers. */
async function known(node: TestNode, host: TestNode, what: unknown = SUM): Promise<void> {
  await expect.poll(() => node.state.get(FALLBACKS_COLLECTION, 'u', host.peer)?.value, grace).toEqual(what)
}

describe('a declared answer', () => {
  it('is given for a read-only tool whose node is gone, marked with the reason; nothing stands in for what changes something', async () => {
    const [near, far] = (await startGroup(2)) as [TestNode, TestNode]
    const told: object[] = []
    onTestFinished(telemetry('vsmcp:mcp:synthetic_answer').subscribe((event) => told.push(event)))
    await far.units.attach(attach('u', 'modern-server', [], { fallbacks: SUM }))
    await known(near, far)
    await until(near, () => near.catalog.units.length === 1)
    // While it can answer it does.
    expect(await asked(near)).toMatchObject({ structuredContent: { sum: 2 } })
    expect(await asked(near)).not.toHaveProperty(['_meta', 'vsmcp/synthetic'])
    await far.stop()
    await expect.poll(() => near.members.isAlive(far.peer), grace).toBe(false)
    expect(await asked(near)).toEqual(synthetic('VSMCP_NOT_SENT'))
    await expect(asked(near, 'u__log', { text: 'x' })).rejects.toMatchObject({ code: 'VSMCP_NOT_SENT' })
    expect(await overHttp(near)).toContain('"vsmcp/synthetic":true')
    expect(near.degradation.view.synthetic).toBe(2)
    expect(told).toEqual([1, 2].map(() => ({ unit: 'u', tool: 'sum', code: 'VSMCP_NOT_SENT' })))
    const { catalog, router } = near
    const said = await callTool(
      { catalog, router, clock: systemClock, nameOf: (peer) => peer },
      { tool: 'u__sum', args: { a: 1, b: 1 }, timeoutMs: 5_000 },
    )
    expect(said).toMatchObject({ isError: false, synthetic: expect.stringContaining('VSMCP_NOT_SENT') as string })
  }, 90_000)

  it('is given when the unit is down and when its calls are shed, and goes with the unit', async () => {
    const node = await foundMesh()
    await node.units.attach(attach('u', 'modern-server', [], { fallbacks: SUM }))
    await known(node, node)
    await until(node, () => node.catalog.units.length === 1)
    node.degradation.assertServed = () => {
      throw new ShedError('only the essential')
    }
    expect(await asked(node)).toEqual(synthetic('VSMCP_NODE_SHED'))
    node.degradation.assertServed = () => {}
    expect(await asked(node)).toMatchObject({ structuredContent: { sum: 2 } })
    await node.units.get('u')?.stop()
    expect(await asked(node)).toEqual(synthetic('VSMCP_NOT_SENT'))
    await node.units.detach('u')
    await expect.poll(() => node.state.get(FALLBACKS_COLLECTION, 'u', node.peer), grace).toBeUndefined()
    await expect(asked(node)).rejects.toMatchObject({ code: 'VSMCP_NODE_TARGET_UNKNOWN' })
  }, 90_000)

  it('can be another, or none, without a restart of the server', async () => {
    const node = await foundMesh()
    await node.units.attach(attach('u', 'modern-server', [], { fallbacks: SUM }))
    await known(node, node)
    const server = node.units.get('u')
    const other: FallbackAnswers = { sum: { content: [{ type: 'text', text: '?' }], structuredContent: { sum: 0 } } }
    expect(await node.units.attach(attach('u', 'modern-server', [], { fallbacks: other }))).toBe('unchanged')
    await known(node, node, other)
    expect(node.units.specs()[0]?.fallbacks).toEqual(other)
    expect(await node.units.attach(attach('u', 'modern-server'))).toBe('unchanged')
    await expect.poll(() => node.state.get(FALLBACKS_COLLECTION, 'u', node.peer), grace).toBeUndefined()
    expect(node.units.get('u')).toBe(server)
  }, 90_000)

  it('is refused at attach for a tool that is not there, that may change something, or that promises more', async () => {
    const node = await foundMesh()
    const refused = async (fallbacks: unknown): Promise<string> =>
      node.units.attach(attach('u', 'modern-server', [], { fallbacks: fallbacks as FallbackAnswers })).then(
        () => 'attached',
        (error: Error) => error.message,
      )
    const content = [{ type: 'text', text: 'x' }]
    expect(await refused({ nothing: { content } })).toContain('has no such tool')
    expect(await refused({ log: { content } })).toContain('not annotated as read-only')
    expect(await refused({ sum: { content } })).toContain('no structuredContent')
    expect(node.units.list()).toEqual([])
  }, 90_000)

  it('by another member, or of a tool that is not read-only, stands in for nothing', async () => {
    const [near, far, other] = (await startGroup(3)) as [TestNode, TestNode, TestNode]
    await far.units.attach(attach('u', 'modern-server'))
    await until(near, () => near.catalog.units.length === 1)
    // With the next decision an honest host would take back what it did not declare itself.
    vi.spyOn(far.fallbacks, 'mend').mockImplementation(() => {})
    const forged = { sum: SUM['sum'], log: { content: [{ type: 'text', text: 'logged' }] } } as never
    await other.state.put(FALLBACKS_COLLECTION, 'u', forged).catch(() => {})
    // The host itself, past what attach allows.
    await far.state.put(FALLBACKS_COLLECTION, 'u', forged)
    await known(near, far, forged)
    expect(near.state.get(FALLBACKS_COLLECTION, 'u', other.peer)).toBeUndefined()
    await far.stop()
    await expect.poll(() => near.members.isAlive(far.peer), grace).toBe(false)
    await expect(asked(near, 'u__log', { text: 'x' })).rejects.toMatchObject({ code: 'VSMCP_NOT_SENT' })
  }, 90_000)
})

describe('what is declared', () => {
  it.each<[string, unknown, string]>([
    ['no object', [], 'fallback'],
    ['a text', { a: 'x' }, 'fallback of a'],
    ['no content', { a: {} }, 'a.content'],
    ['content without a type', { a: { content: [{ text: 'x' }] } }, 'a.content.0.type'],
    ['empty content', { a: { content: [] } }, 'a.content'],
    ['an error', { a: { content: [{ type: 'text', text: 'x' }], isError: true } }, 'a.isError'],
    ['one too large', { a: { content: [{ type: 'text', text: 'x'.repeat(17_000) }] } }, 'the fallback of a has'],
    [
      'too much of it',
      Object.fromEntries(
        Array.from({ length: 5 }, (_, i) => [`t${i}`, { content: [{ type: 'text', text: 'x'.repeat(15_000) }] }]),
      ),
      'together',
    ],
  ])('is refused when it is %s', (_what, given, text) => {
    expect(() => checkedFallbacks(given)).toThrow(text)
  })
})
