import { describe, expect, it, onTestFinished } from 'vitest'
import { silentLogger, telemetry, type ToolInvocation } from '@vsmcp/kernel'
import type { McpReply } from '@vsmcp/mcp'
import { Dispatcher } from '../../src/gateway/dispatcher.ts'
import { Identity } from '../../src/gateway/identity.ts'
import { LegacyPeer } from '../../src/gateway/legacy-peer.ts'
import { ListingPages } from '../../src/gateway/listing-pages.ts'
import { parseMessage, type RequestMessage } from '../../src/gateway/message.ts'
import { randomSessionIds } from '../../src/gateway/random-session-ids.ts'
import { Sessions } from '../../src/gateway/sessions.ts'
import { rpc } from './support/gateway-fixture.ts'
import { ManualClock } from './support/manual-clock.ts'
import { ScriptedRouter, textReply, toolNamed } from './support/scripted-router.ts'

function setUp(): { router: ScriptedRouter; clock: ManualClock; dispatcher: Dispatcher } {
  const router = new ScriptedRouter().tool(toolNamed('echo'), () => textReply('hi'))
  const clock = new ManualClock()
  const identity = new Identity({})
  const pages = new ListingPages(() => router.listing(), identity, 10)
  return {
    router,
    clock,
    dispatcher: new Dispatcher({ requestTimeoutMs: 60_000 }, { router, pages, identity, clock, logger: silentLogger }),
  }
}

function call(name: string, params: object = {}): RequestMessage {
  const message = parseMessage(rpc('tools/call', { name, ...params }))
  if (message.kind !== 'request') throw new Error('not a request')
  return message
}

const nothing = (): void => {}

describe('draining', () => {
  it('waits for what is in flight, no longer than allowed, and then aborts it', async () => {
    const { router, clock, dispatcher } = setUp()
    const { promise, resolve } = Promise.withResolvers<McpReply>()
    router.tool(toolNamed('slow'), () => promise)
    const abort = new AbortController()
    const first = dispatcher.handle(call('slow'), { era: 'modern' }, abort, nothing)
    const drained = dispatcher.drain(5_000)
    resolve(textReply('done'))
    await drained
    expect(abort.signal.aborted).toBe(false)
    expect(await first).toHaveProperty('resultJson')

    router.tool(toolNamed('stuck'), () => new Promise<McpReply>(() => {}))
    void dispatcher.handle(call('stuck'), { era: 'modern' }, abort, nothing)
    const cut = dispatcher.drain(5_000)
    clock.advance(4_999)
    expect(abort.signal.aborted).toBe(false)
    clock.advance(1)
    await cut
    expect(abort.signal.aborted).toBe(true)
  })
})

describe('telemetry', () => {
  it('tells of each call of a tool, and how it ended, to those who listen', async () => {
    const { router, dispatcher } = setUp()
    router.tool(toolNamed('fails'), () => ({ era: 'legacy', resultJson: '{"content":[],"isError":true}' }))
    router.tool(toolNamed('breaks'), () => ({ era: 'legacy', error: { code: -32000, message: 'x' } }))
    const heard: ToolInvocation[] = []
    onTestFinished(telemetry('vsmcp:mcp:tool_invocation').subscribe((event) => heard.push(event)))
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    for (const name of ['echo', 'fails', 'breaks', 'unknown']) {
      await dispatcher.handle(call(name, { _meta: { traceparent } }), { era: 'legacy' }, new AbortController(), nothing)
    }
    expect(heard.map(({ tool, outcome, code }) => [tool, outcome, code])).toEqual([
      ['echo', 'ok', undefined],
      ['fails', 'tool-error', undefined],
      ['breaks', 'error', -32000],
      ['unknown', 'error', -32602],
    ])
    expect(heard[0]).toMatchObject({ era: 'legacy', traceparent, durationMs: expect.any(Number) as number })
  })
})

describe('sessions', () => {
  it('end when unused for too long, but not while something runs in them', async () => {
    const { router, clock, dispatcher } = setUp()
    router.tool(toolNamed('long'), () => new Promise<McpReply>(() => {}))
    const sessions = new Sessions(clock, randomSessionIds, 10, 1_000)
    const idle = sessions.create(new LegacyPeer(dispatcher))
    const busy = sessions.create(new LegacyPeer(dispatcher))
    const used = sessions.create(new LegacyPeer(dispatcher))
    void busy.peer.request(call('long'), nothing)
    clock.advance(900)
    sessions.get(used.id)
    clock.advance(200)
    sessions.sweep()
    expect([sessions.get(idle.id), sessions.get(busy.id), sessions.get(used.id)]).toEqual([undefined, busy, used])
  })
})
