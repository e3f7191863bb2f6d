import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BusyError, NotSentError, OutcomeUnknownError } from '@vsmcp/kernel'
import type { Gateway, McpReply } from '@vsmcp/mcp'
import { EventReader, events, http, modern, modernBody, modernHeaders, startGateway } from './support/gateway-fixture.ts'
import { ScriptedRouter, textReply, toolNamed } from './support/scripted-router.ts'

let router: ScriptedRouter
let gateway: Gateway
let url: string
const failures: string[] = []

beforeEach(async () => {
  failures.length = 0
  router = new ScriptedRouter().tool(toolNamed('echo'), ({ paramsJson }) => textReply(paramsJson))
  gateway = await startGateway(router, { name: 'mesh', version: '9.9.9', instructions: 'Be kind.' }, failures)
  url = gateway.url()
})

afterEach(async () => {
  await gateway.stop()
  expect(failures).toEqual([])
})

describe('server/discover', () => {
  it('names the modern revision, what can be done, and who answers', async () => {
    const answer = await modern(url, 'server/discover')
    expect(answer.status).toBe(200)
    expect(answer.json().result).toEqual({
      resultType: 'complete',
      supportedVersions: ['2026-07-28'],
      capabilities: {
        tools: { listChanged: true },
        resources: { listChanged: true },
        prompts: { listChanged: true },
        completions: {},
        logging: {},
      },
      instructions: 'Be kind.',
      ttlMs: 60_000,
      cacheScope: 'private',
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'mesh', version: '9.9.9' } },
    })
  })
})

describe('a call', () => {
  it('forwards the params as the client wrote them', async () => {
    const body = modernBody('tools/call', { name: 'echo', arguments: {} }).replace(
      '"arguments":{}',
      '"arguments":{"n": 1.0,"big":12345678901234567890}',
    )
    await http(url, { body, headers: modernHeaders('tools/call', 'echo') })
    expect(router.requests[0]?.paramsJson).toContain('"arguments":{"n": 1.0,"big":12345678901234567890}')
    expect(router.requests[0]).toMatchObject({ method: 'tools/call', target: 'echo', deadlineMs: 60_000 })
  })

  it('is answered in plain JSON when nothing is said before the answer', async () => {
    const answer = await modern(url, 'tools/call', { name: 'echo' }, { progressToken: 5 })
    expect(answer.headers['content-type']).toBe('application/json')
    expect(answer.json()).toMatchObject({ jsonrpc: '2.0', id: 1, result: { resultType: 'complete' } })
  })

  it('is answered by an event stream from the first notification on', async () => {
    router.tool(toolNamed('slow'), ({ onNotification }) => {
      onNotification('notifications/progress', '{"progressToken":5,"progress":1}')
      onNotification('notifications/message', '{"level":"info",\n"data":"half"}')
      return textReply('done')
    })
    const meta = { progressToken: 5, 'io.modelcontextprotocol/logLevel': 'info' }
    const answer = await modern(url, 'tools/call', { name: 'slow' }, meta)
    expect(answer.headers['content-type']).toBe('text/event-stream')
    expect(events(answer.text)).toEqual([
      { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 5, progress: 1 } },
      { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'half' } },
      expect.objectContaining({
        id: 1,
        result: expect.objectContaining({ content: [{ type: 'text', text: 'done' }] }) as unknown,
      }),
    ])
  })

  it('stays plain JSON for a client that takes no stream, and leaves the notifications out', async () => {
    router.tool(toolNamed('slow'), ({ onNotification }) => {
      onNotification('notifications/progress', '{"progressToken":5,"progress":1}')
      return textReply('done')
    })
    const headers = { ...modernHeaders('tools/call', 'slow'), accept: 'application/json' }
    const answer = await http(url, { headers, body: modernBody('tools/call', { name: 'slow' }, 1, { progressToken: 5 }) })
    expect(answer.json().result).toMatchObject({ content: [{ type: 'text', text: 'done' }] })
  })

  it('hears neither progress nor log messages that it did not ask for', async () => {
    router.tool(toolNamed('chatty'), ({ onNotification }) => {
      onNotification('notifications/progress', '{"progressToken":5,"progress":1}')
      onNotification('notifications/message', '{"level":"info","data":"x"}')
      onNotification('notifications/tools/list_changed', '{}')
      return textReply('done')
    })
    expect((await modern(url, 'tools/call', { name: 'chatty' })).headers['content-type']).toBe('application/json')
  })

  it('says nothing after the answer', async () => {
    let late: (() => void) | undefined
    router.tool(toolNamed('chatty'), ({ onNotification }) => {
      onNotification('notifications/progress', '{"progressToken":5,"progress":1}')
      late = () => onNotification('notifications/progress', '{"progressToken":5,"progress":2}')
      return textReply('done')
    })
    const answer = await modern(url, 'tools/call', { name: 'chatty' }, { progressToken: 5 })
    late?.()
    expect(events(answer.text)).toHaveLength(2)
  })

  it('is cancelled at the server when the client closes the connection', async () => {
    const { promise: started, resolve: start } = Promise.withResolvers<AbortSignal>()
    router.tool(toolNamed('endless'), ({ signal, onNotification }) => {
      onNotification('notifications/progress', '{"progressToken":5,"progress":1}')
      start(signal)
      return new Promise<McpReply>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new OutcomeUnknownError('cancelled')), { once: true })
      })
    })
    const headers = modernHeaders('tools/call', 'endless')
    const reader = await EventReader.open(url, {
      headers,
      body: modernBody('tools/call', { name: 'endless' }, 1, { progressToken: 5 }),
    })
    const signal = await started
    expect(signal.aborted).toBe(false)
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    reader.close()
    await aborted
  })

  it('passes trace context on and names it to the router', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await modern(url, 'tools/call', { name: 'echo' }, { traceparent, tracestate: 'a=b' })
    expect(router.requests[0]?.traceparent).toBe(traceparent)
    expect(JSON.parse(router.requests[0]?.paramsJson ?? '')).toMatchObject({ _meta: { traceparent, tracestate: 'a=b' } })
  })

  it.each([
    [120_000, 120_000],
    [1e9, 3_600_000],
    [-1, 60_000],
    ['soon', 60_000],
  ])('gets the time it asks for, within bounds: %s', async (asked, granted) => {
    await modern(url, 'tools/call', { name: 'echo' }, { 'vsmcp/timeoutMs': asked })
    expect(router.requests[0]?.deadlineMs).toBe(granted)
  })

  it('leaves an input_required result of a modern server as it is', async () => {
    const resultJson =
      '{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"}},"requestState":"s","_meta":{}}'
    router.tool(toolNamed('asks'), () => ({ era: 'modern', resultJson }))
    const answer = await modern(url, 'tools/call', { name: 'asks' })
    expect(answer.json().result).toMatchObject({
      resultType: 'input_required',
      requestState: 's',
      inputRequests: { a: { method: 'roots/list' } },
    })
    expect(answer.json().result).not.toHaveProperty('content')
  })
})

describe('a failed call', () => {
  it.each([
    [new NotSentError('the unit is restarting'), 'not sent: the unit is restarting', 'VSMCP_NOT_SENT'],
    [new OutcomeUnknownError('the node went away'), 'sent, outcome unknown: the node went away', 'VSMCP_OUTCOME_UNKNOWN'],
    [new BusyError('the queue is full'), 'not sent: the queue is full', 'VSMCP_BUSY'],
  ])('says plainly whether it may have been executed: %s', async (error, message, code) => {
    router.tool(toolNamed('breaks'), () => Promise.reject(error))
    const answer = await modern(url, 'tools/call', { name: 'breaks' })
    expect(answer.status).toBe(200)
    expect(answer.json().error).toMatchObject({ code: -32603, message, data: { code, hint: expect.any(String) as unknown } })
  })

  it('tells of an unexpected failure without its details', async () => {
    router.tool(toolNamed('breaks'), () => Promise.reject(new Error('secret /root/path')))
    const answer = await modern(url, 'tools/call', { name: 'breaks' })
    expect(answer.json().error).toMatchObject({ code: -32603, data: { code: 'VSMCP_INTERNAL' } })
    expect(answer.text).not.toContain('secret')
    expect(failures.splice(0)).toHaveLength(1)
  })

  it('names an unknown tool as invalid params', async () => {
    const answer = await modern(url, 'tools/call', { name: 'nope' })
    expect(answer.status).toBe(200)
    expect(answer.json().error).toMatchObject({ code: -32602, data: { code: 'VSMCP_MCP_TARGET_UNKNOWN' } })
  })

  it('tells of a resource that does not exist as the revision prescribes', async () => {
    const answer = await modern(url, 'resources/read', { uri: 'x://none' })
    expect(answer.json().error).toMatchObject({ code: -32602, data: { uri: 'x://none' } })
    expect(Object.keys(answer.json().error.data)).toEqual(['uri'])
  })

  it('maps codes of the legacy era and of the hop between mesh and server', async () => {
    const failWith = (code: number) => (): McpReply => ({ era: 'legacy', error: { code, message: 'm', dataJson: '{"uri":"u"}' } })
    for (const [server, client, status] of [
      [-32002, -32602, 200],
      [-32042, -32603, 200],
      [-32020, -32603, 200],
      [-32022, -32603, 200],
      [-32021, -32021, 400],
      [-32601, -32601, 200],
      [42, 42, 200],
    ] as const) {
      router.tool(toolNamed(`e${server}`), failWith(server))
      const answer = await modern(url, 'tools/call', { name: `e${server}` })
      expect([server, answer.json().error.code, answer.status]).toEqual([server, client, status])
    }
  })

  it('answers when the router does not keep the deadline, and aborts it', async () => {
    let seen: AbortSignal | undefined
    router.tool(toolNamed('hangs'), ({ signal }) => {
      seen = signal
      return new Promise<McpReply>(() => {})
    })
    const answer = await modern(url, 'tools/call', { name: 'hangs' }, { 'vsmcp/timeoutMs': 1 })
    expect(answer.json().error).toMatchObject({ code: -32603, data: { code: 'VSMCP_OUTCOME_UNKNOWN' } })
    expect(seen?.aborted).toBe(true)
  })

  it.each([
    ['no name', { arguments: {} }],
    ['arguments that are no object', { name: 'echo', arguments: [1] }],
  ])('refuses %s', async (_what, params) => {
    const answer = await http(url, { headers: modernHeaders('tools/call', 'echo'), body: modernBody('tools/call', params) })
    expect(answer.status).toBe(200)
    expect(answer.json().error.code).toBe(-32602)
    expect(router.requests).toHaveLength(0)
  })
})

describe('the envelope and its mirror in the headers', () => {
  const call = modernBody('tools/call', { name: 'echo' })

  it.each([
    ['MCP-Protocol-Version', { 'mcp-method': 'tools/call', 'mcp-name': 'echo' }],
    ['Mcp-Method', { 'mcp-protocol-version': '2026-07-28', 'mcp-name': 'echo' }],
    ['Mcp-Name', { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call' }],
  ])('refuses a request without %s', async (_name, headers) => {
    const answer = await http(url, { headers, body: call })
    expect([answer.status, answer.json().error.code, answer.json().id]).toEqual([400, -32020, 1])
  })

  it.each([
    ['version', { ...modernHeaders('tools/call', 'echo'), 'mcp-protocol-version': '2025-11-25' }],
    ['method', modernHeaders('tools/list', 'echo')],
    ['name', modernHeaders('tools/call', 'other')],
    ['encoded name', modernHeaders('tools/call', '=?base64?b3RoZXI=?=')],
    ['broken encoding', modernHeaders('tools/call', '=?base64?***?=')],
  ])('refuses headers that disagree with the body: %s', async (_what, headers) => {
    const answer = await http(url, { headers, body: call })
    expect([answer.status, answer.json().error.code]).toEqual([400, -32020])
    expect(router.requests).toHaveLength(0)
  })

  it('takes a name in the encoding for what headers cannot hold', async () => {
    router.tool(toolNamed('größe'), () => textReply('ok'))
    const name = `=?base64?${Buffer.from('größe').toString('base64')}?=`
    const answer = await http(url, {
      headers: modernHeaders('tools/call', name),
      body: modernBody('tools/call', { name: 'größe' }),
    })
    expect(answer.json().result).toMatchObject({ content: [{ text: 'ok' }] })
  })

  it.each([
    ['without capabilities', { 'io.modelcontextprotocol/clientCapabilities': undefined }],
    ['with capabilities that are none', { 'io.modelcontextprotocol/clientCapabilities': 5 }],
    ['with an unknown log level', { 'io.modelcontextprotocol/logLevel': 'loud' }],
    ['with a client without a version', { 'io.modelcontextprotocol/clientInfo': { name: 'x' } }],
  ])('refuses an envelope %s', async (_what, meta) => {
    const answer = await modern(url, 'tools/call', { name: 'echo' }, meta)
    expect([answer.status, answer.json().error.code]).toEqual([400, -32602])
  })

  it('refuses a modern header without an envelope', async () => {
    const answer = await http(url, {
      headers: modernHeaders('tools/call', 'echo'),
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}',
    })
    expect([answer.status, answer.json().error.code]).toEqual([400, -32602])
  })

  it('names the revisions it serves to one who asks for another', async () => {
    const meta = { 'io.modelcontextprotocol/protocolVersion': '2030-01-01' }
    const headers = { ...modernHeaders('server/discover'), 'mcp-protocol-version': '2030-01-01' }
    const answer = await http(url, { headers, body: modernBody('server/discover', {}, 'x', meta) })
    expect([answer.status, answer.json().error.code, answer.json().id]).toEqual([400, -32022, 'x'])
    expect(answer.json().error.data['supported']).toEqual(expect.arrayContaining(['2026-07-28', '2025-11-25']))
  })

  it.each(['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'tasks/get', 'nonsense'])(
    'does not know the method %s in this era',
    async (method) => {
      const answer = await modern(url, method, { protocolVersion: '2025-11-25', level: 'info', uri: 'u' })
      expect([answer.status, answer.json().error.code]).toEqual([404, -32601])
    },
  )

  it('checks arguments that a tool wants mirrored in headers', async () => {
    const inputSchema = {
      type: 'object',
      properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, n: { type: 'integer', 'x-mcp-header': 'N' } },
    }
    router.tool(toolNamed('sql', { inputSchema }), () => textReply('ok'))
    const send = (args: object, headers: Record<string, string>): ReturnType<typeof http> =>
      http(url, {
        headers: { ...modernHeaders('tools/call', 'sql'), ...headers },
        body: modernBody('tools/call', { name: 'sql', arguments: args }),
      })
    expect((await send({ region: 'eu', n: 42 }, { 'mcp-param-region': 'eu', 'mcp-param-n': '42.0' })).status).toBe(200)
    expect((await send({ region: null }, {})).status).toBe(200)
    for (const headers of [{}, { 'mcp-param-region': 'us' }, { 'mcp-param-region': '=?base64?%%%?=' }]) {
      const answer = await send({ region: 'eu' }, headers)
      expect([answer.status, answer.json().error.code]).toEqual([400, -32020])
    }
  })
})

describe('subscriptions/listen', () => {
  const listen = (notifications: object, id: unknown = 'sub-1'): Promise<EventReader> =>
    EventReader.open(url, {
      headers: modernHeaders('subscriptions/listen'),
      body: modernBody('subscriptions/listen', { notifications }, id),
    })
  const stamp = { 'io.modelcontextprotocol/subscriptionId': 'sub-1' }

  it('acknowledges what it can tell, then tells of changes, each with the id of the subscription', async () => {
    const reader = await listen({ toolsListChanged: true, promptsListChanged: false, resourceSubscriptions: ['x://y'] })
    expect(await reader.next()).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { _meta: stamp, notifications: { toolsListChanged: true } },
    })
    router.prompt({ name: 'unasked' }, () => textReply(''))
    router.tool(toolNamed('new'), () => textReply(''))
    expect(await reader.next()).toEqual({ jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: { _meta: stamp } })
    reader.close()
  })

  it('tells many changes close together once', async () => {
    const reader = await listen({ toolsListChanged: true, resourcesListChanged: true })
    await reader.next()
    for (let i = 0; i < 50; i++) router.tool(toolNamed(`t${i}`), () => textReply(''))
    expect(await reader.next()).toMatchObject({ method: 'notifications/tools/list_changed' })
    router.resource({ uri: 'x://1', name: 'one' }, () => textReply(''))
    expect(await reader.next()).toMatchObject({ method: 'notifications/resources/list_changed' })
    reader.close()
  })

  it('ends with an answer when the gateway stops, and at once when nothing asked for can be told', async () => {
    const empty = await listen({ resourceSubscriptions: ['x://y'] })
    expect(await empty.next()).toMatchObject({ params: { notifications: {} } })
    expect(await empty.next()).toMatchObject({ id: 'sub-1', result: { resultType: 'complete', _meta: stamp } })
    expect(await empty.next()).toBeUndefined()
    const reader = await listen({ toolsListChanged: true })
    await reader.next()
    await gateway.stop()
    expect(await reader.next()).toMatchObject({ id: 'sub-1', result: { resultType: 'complete', _meta: stamp } })
    expect(await reader.next()).toBeUndefined()
  })

  it('holds nothing of a client that went away', async () => {
    const reader = await listen({ toolsListChanged: true })
    await reader.next()
    expect(gateway.stats().subscriptions).toBe(1)
    reader.close()
    await expect.poll(() => gateway.stats().subscriptions).toBe(0)
  })

  it('refuses a filter that is none', async () => {
    const answer = await modern(url, 'subscriptions/listen', { notifications: { toolsListChanged: 'yes' } })
    expect(answer.json().error.code).toBe(-32602)
  })
})

describe('lists', () => {
  it('come in pages of bounded length, in the order of the listing', async () => {
    await gateway.stop()
    gateway = await startGateway(router, { pageLengthMax: 2 }, failures)
    url = gateway.url()
    for (const name of ['c', 'a', 'd', 'b']) router.tool(toolNamed(name), () => textReply(''))
    const names: string[] = []
    let cursor: unknown
    do {
      const { result } = (await modern(url, 'tools/list', cursor === undefined ? {} : { cursor })).json()
      expect(result).toMatchObject({ resultType: 'complete', ttlMs: 2_000, cacheScope: 'private' })
      names.push(...(result['tools'] as { name: string }[]).map((tool) => tool.name))
      cursor = result['nextCursor']
      router.remove('a')
    } while (cursor !== undefined)
    expect(names).toEqual(['echo', 'c', 'd', 'b'])
  })

  it.each(['!!', '', 'bm90IG91cnM', 5])('refuse a cursor that is not theirs: %s', async (cursor) => {
    const answer = await modern(url, 'tools/list', { cursor })
    expect(answer.json().error.code).toBe(-32602)
  })

  it('leave out what only the legacy era knows', async () => {
    router.tool(toolNamed('task', { execution: { taskSupport: 'optional' } }), () => textReply(''))
    const { result } = (await modern(url, 'tools/list')).json()
    expect(JSON.stringify(result)).not.toContain('execution')
  })

  it('never ask the router for anything but its listing', async () => {
    for (const method of ['tools/list', 'resources/list', 'resources/templates/list', 'prompts/list']) await modern(url, method)
    expect(router.requests).toHaveLength(0)
  })
})
