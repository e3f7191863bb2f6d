import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { OutcomeUnknownError, seededRandom, silentLogger, systemClock } from '@vsmcp/kernel'
import {
  createRemoteRouter,
  type Gateway,
  type ListingKind,
  type McpReply,
  type RemoteRouter,
  type RoutedRequest,
} from '@vsmcp/mcp'
import { startGateway } from './support/gateway-fixture.ts'
import { ScriptedRouter, textReply, toolNamed } from './support/scripted-router.ts'

const components = { clock: systemClock, random: seededRandom(7), logger: silentLogger }

let router: ScriptedRouter
let gateway: Gateway
let remote: RemoteRouter
const failures: string[] = []

beforeEach(async () => {
  failures.length = 0
  router = new ScriptedRouter().tool(toolNamed('echo'), ({ paramsJson }) => textReply(paramsJson))
  for (let i = 0; i < 5; i++) router.resource({ uri: `x://${i}`, name: `r${i}` }, () => textReply(''))
  gateway = await startGateway(router, { pageLengthMax: 2, token: 's3cret' }, failures)
  remote = createRemoteRouter({ url: gateway.url(), token: 's3cret' })(components)
})

afterEach(async () => {
  await remote.stop()
  await gateway.stop()
  expect(failures).toEqual([])
})

function ask(target: string, more: Partial<RoutedRequest> = {}): Promise<McpReply> {
  return remote.request({
    method: 'tools/call',
    target,
    paramsJson: JSON.stringify({ name: target }),
    deadlineMs: 5_000,
    signal: new AbortController().signal,
    onNotification: () => {},
    ...more,
  })
}

function nextChange(): Promise<ReadonlySet<ListingKind>> {
  return new Promise((resolve) => {
    const unsubscribe = remote.onListingChanged((kinds) => {
      unsubscribe()
      resolve(kinds)
    })
  })
}

describe('a router to another node', () => {
  it('has the whole listing, all pages, from the start, and hears of changes', async () => {
    await remote.start()
    expect(remote.listing().resources.map(({ uri }) => uri)).toEqual(['x://0', 'x://1', 'x://2', 'x://3', 'x://4'])
    expect(remote.listing().tools).toEqual(router.listing().tools)
    const { version } = remote.listing()
    const change = nextChange()
    router.tool(toolNamed('late'), () => textReply(''))
    expect(await change).toEqual(new Set(['tools']))
    expect(remote.listing().version).not.toBe(version)
    expect(remote.listing().tools.map(({ name }) => name)).toEqual(['echo', 'late'])
  })

  it('passes a request, its time, its notifications and its answer', async () => {
    await remote.start()
    router.tool(toolNamed('slow'), ({ onNotification }) => {
      onNotification('notifications/progress', '{"progressToken":"p","progress":1}')
      return { era: 'legacy', resultJson: '{"content":[],"structuredContent":{"big":12345678901234567890}}' }
    })
    const heard: string[] = []
    const paramsJson = '{"name":"slow","_meta":{"progressToken":"p"}}'
    const reply = await ask('slow', { paramsJson, onNotification: (method, json) => heard.push(method, json), deadlineMs: 1_234 })
    expect(reply).toMatchObject({ era: 'modern', resultJson: expect.stringContaining('{"big":12345678901234567890}') as string })
    expect(heard).toEqual(['notifications/progress', '{"progressToken":"p","progress":1}'])
    expect(router.requests[0]?.deadlineMs).toBe(1_234)
  })

  it('passes an error of the node as an answer, and a name that headers cannot hold', async () => {
    await remote.start()
    expect(await ask('größe \n')).toMatchObject({
      error: { code: -32602, message: 'there is no größe \n', dataJson: expect.stringContaining('TARGET_UNKNOWN') as string },
    })
  })

  it('mirrors the arguments that a tool wants in headers', async () => {
    const inputSchema = {
      type: 'object',
      properties: { where: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } } },
    }
    router.tool(toolNamed('sql', { inputSchema }), () => textReply('ok'))
    await remote.start()
    const paramsJson = '{"name":"sql","arguments":{"where":{"region":"Zürich "}}}'
    expect(await ask('sql', { paramsJson })).toHaveProperty('resultJson')
  })

  it('cancels at the node', async () => {
    await remote.start()
    const { promise: started, resolve: start } = Promise.withResolvers<AbortSignal>()
    router.tool(toolNamed('endless'), ({ signal }) => {
      start(signal)
      return new Promise<McpReply>((_done, reject) => {
        signal.addEventListener('abort', () => reject(new OutcomeUnknownError('cancelled')), { once: true })
      })
    })
    const abort = new AbortController()
    const failed = expect(ask('endless', { signal: abort.signal })).rejects.toMatchObject({ code: 'VSMCP_OUTCOME_UNKNOWN' })
    const signal = await started
    const reached = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    abort.abort()
    await failed
    await reached
  })

  it('finds the node again after a restart and learns what changed meanwhile', { timeout: 20_000 }, async () => {
    await remote.start()
    const port = Number(new URL(gateway.url()).port)
    await gateway.stop()
    // The first may still go out on a connection whose end has not been noticed: then nobody knows, and says so.
    const failure = (): Promise<{ code: string; hint: string }> =>
      ask('echo').then(
        () => ({ code: '', hint: '' }),
        (error) => error as never,
      )
    await expect.poll(async () => (await failure()).code).toBe('VSMCP_NOT_SENT')
    expect((await failure()).hint).toContain('vsmcp up')
    expect(remote.listing().tools).toHaveLength(1)
    const change = nextChange()
    router.tool(toolNamed('meanwhile'), () => textReply(''))
    gateway = await startGateway(router, { port, token: 's3cret' }, failures)
    expect(await change).toEqual(new Set(['tools']))
    expect(await ask('echo')).toHaveProperty('resultJson')
  })

  it('says so when no node answers, or the node does not let it in', async () => {
    await gateway.stop()
    await expect(remote.start()).rejects.toMatchObject({ code: 'VSMCP_MCP_NODE_UNREACHABLE', hint: expect.any(String) as string })
    gateway = await startGateway(router, { token: 's3cret' }, failures)
    remote = createRemoteRouter({ url: gateway.url(), token: 'wrong' })(components)
    await expect(remote.start()).rejects.toMatchObject({
      code: 'VSMCP_MCP_NODE_UNREACHABLE',
      message: expect.stringContaining('401') as string,
    })
  })
})
