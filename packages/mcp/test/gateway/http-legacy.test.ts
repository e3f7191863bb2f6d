import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { OutcomeUnknownError } from '@vsmcp/kernel'
import type { Gateway, McpReply } from '@vsmcp/mcp'
import { EventReader, events, http, legacySession, type RpcAnswer, rpc, startGateway } from './support/gateway-fixture.ts'
import { ScriptedRouter, textReply, toolNamed } from './support/scripted-router.ts'

let router: ScriptedRouter
let gateway: Gateway
let url: string
const failures: string[] = []

beforeEach(async () => {
  failures.length = 0
  router = new ScriptedRouter().tool(toolNamed('echo'), ({ paramsJson }) => textReply(paramsJson))
  gateway = await startGateway(router, {}, failures)
  url = gateway.url()
})

afterEach(async () => {
  await gateway.stop()
  expect(failures).toEqual([])
})

/** A tool that runs until it is cancelled. */
function endless(name: string): Promise<AbortSignal> {
  const { promise, resolve } = Promise.withResolvers<AbortSignal>()
  router.tool(toolNamed(name), ({ signal }) => {
    resolve(signal)
    return new Promise<McpReply>((_done, reject) => {
      signal.addEventListener('abort', () => reject(new OutcomeUnknownError('cancelled')), { once: true })
    })
  })
  return promise
}

describe('initialize', () => {
  it.each(['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05', '2024-10-07'])(
    'agrees on revision %s',
    async (protocolVersion) => {
      const body = rpc('initialize', { protocolVersion, capabilities: {}, clientInfo: { name: 'c', version: '1' } })
      const answer = await http(url, { body })
      expect(answer.json().result).toMatchObject({
        protocolVersion,
        serverInfo: { name: 'vsmcp' },
        capabilities: { tools: { listChanged: true } },
      })
      expect(answer.headers['mcp-session-id']).toMatch(/^[\x21-\x7e]{32,}$/)
    },
  )

  it('offers its newest legacy revision to one who asks for another', async () => {
    for (const protocolVersion of ['1999-01-01', '2026-07-28']) {
      const answer = await http(url, { body: rpc('initialize', { protocolVersion, capabilities: {} }) })
      expect(answer.json().result['protocolVersion']).toBe('2025-11-25')
    }
  })

  it('gives no session to a handshake without a revision', async () => {
    const answer = await http(url, { body: rpc('initialize', {}) })
    expect(answer.json().error.code).toBe(-32602)
    expect(answer.headers).not.toHaveProperty('mcp-session-id')
    expect(gateway.stats().sessions).toBe(0)
  })
})

describe('a session', () => {
  it('answers requests without anything of the modern era in them', async () => {
    router.tool(toolNamed('modern'), () => ({
      era: 'modern',
      resultJson:
        '{"resultType":"complete","content":[],"structuredContent":{"n":1.0},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"},"keep":1}}',
    }))
    const headers = await legacySession(url)
    const answer = await http(url, { headers, body: rpc('tools/call', { name: 'modern' }) })
    expect(answer.text).toBe('{"jsonrpc":"2.0","id":1,"result":{"content":[],"structuredContent":{"n":1.0},"_meta":{"keep":1}}}')
    const list = (await http(url, { headers, body: rpc('tools/list') })).json().result
    expect(Object.keys(list)).toEqual(['tools'])
  })

  it('passes the result of a legacy server untouched', async () => {
    const resultJson = '{ "content": [], "structuredContent": {"big":12345678901234567890}, "_meta": {} }'
    router.tool(toolNamed('plain'), () => ({ era: 'legacy', resultJson }))
    const answer = await http(url, { headers: await legacySession(url), body: rpc('tools/call', { name: 'plain' }) })
    expect(answer.text).toBe(`{"jsonrpc":"2.0","id":1,"result":${resultJson}}`)
  })

  it('wraps structured output that is no object, in the list and in the result, as the SDK does', async () => {
    const outputSchema = { type: 'array', items: { $ref: '#/$defs/n' }, $defs: { n: { type: 'number' } } }
    router.tool(toolNamed('rows', { outputSchema }), () => ({
      era: 'modern',
      resultJson: '{"resultType":"complete","content":[],"structuredContent":[1,2]}',
    }))
    const headers = await legacySession(url)
    const { tools } = (await http(url, { headers, body: rpc('tools/list') })).json().result as {
      tools: Record<string, unknown>[]
    }
    expect(tools.find((tool) => tool['name'] === 'rows')?.['outputSchema']).toMatchObject({
      type: 'object',
      properties: { result: { type: 'array', items: { $ref: '#/properties/result/$defs/n' } } },
      required: ['result'],
    })
    const { result } = (await http(url, { headers, body: rpc('tools/call', { name: 'rows' }) })).json()
    expect(result).toEqual({ content: [{ type: 'text', text: '[1,2]' }], structuredContent: { result: [1, 2] } })
  })

  it('says plainly that it cannot be asked for input', async () => {
    router.tool(toolNamed('asks'), () => ({ era: 'modern', resultJson: '{"resultType":"input_required","requestState":"s"}' }))
    const answer = await http(url, { headers: await legacySession(url), body: rpc('tools/call', { name: 'asks' }) })
    expect(answer.json().error).toMatchObject({ code: -32603, data: { code: 'VSMCP_MCP_INPUT_REQUIRED' } })
  })

  it('is needed for everything but initialize', async () => {
    for (const body of [
      rpc('tools/list'),
      rpc('ping'),
      '{"jsonrpc":"2.0","method":"notifications/initialized"}',
      '{"jsonrpc":"2.0","id":1,"result":{}}',
    ]) {
      expect((await http(url, { body })).status).toBe(400)
    }
    expect((await http(url, { method: 'GET' })).status).toBe(400)
    expect((await http(url, { method: 'DELETE' })).status).toBe(400)
  })

  it('that is unknown is answered 404, so that the client starts a new one', async () => {
    const headers = { 'mcp-session-id': 'nobody' }
    for (const options of [{ body: rpc('tools/list') }, { method: 'GET' }, { method: 'DELETE' }]) {
      const answer = await http(url, { ...options, headers })
      expect([answer.status, answer.json().error.code]).toEqual([404, -32001])
    }
  })

  it('ends by DELETE: its stream closes, its requests are cancelled, its id is unknown', async () => {
    const started = endless('endless')
    const headers = await legacySession(url)
    const stream = await EventReader.open(url, { method: 'GET', headers })
    const pending = http(url, { headers, body: rpc('tools/call', { name: 'endless' }) })
    const signal = await started
    expect((await http(url, { method: 'DELETE', headers })).status).toBe(200)
    expect(signal.aborted).toBe(true)
    expect(await stream.next()).toBeUndefined()
    expect((await pending).text).toBe('')
    expect((await http(url, { headers, body: rpc('ping') })).status).toBe(404)
  })

  it('refuses a revision that is not served', async () => {
    const headers = { ...(await legacySession(url)), 'mcp-protocol-version': '2025-01-01' }
    expect((await http(url, { headers, body: rpc('ping') })).status).toBe(400)
  })

  it('answers ping, accepts notifications and posted responses, does not know other methods', async () => {
    const headers = await legacySession(url)
    expect((await http(url, { headers, body: rpc('ping', {}, 'p') })).text).toBe('{"jsonrpc":"2.0","id":"p","result":{}}')
    const initialized = await http(url, { headers, body: '{"jsonrpc":"2.0","method":"notifications/initialized"}' })
    expect([initialized.status, initialized.text]).toEqual([202, ''])
    expect((await http(url, { headers, body: '{"jsonrpc":"2.0","id":9,"result":{}}' })).status).toBe(202)
    for (const method of ['resources/subscribe', 'tasks/list', 'server/discover', 'nonsense']) {
      const answer = await http(url, { headers, body: rpc(method, { uri: 'u' }) })
      expect([answer.status, answer.json().error.code]).toEqual([200, -32601])
    }
  })

  it('leaves out the wish to run a call as a task', async () => {
    await http(url, {
      headers: await legacySession(url),
      body: rpc('tools/call', { name: 'echo', task: { ttl: 1 }, arguments: {} }),
    })
    expect(router.requests[0]?.paramsJson).toBe('{"name":"echo","arguments":{}}')
  })

  it('tells of a resource that does not exist as the revision prescribes', async () => {
    const answer = await http(url, { headers: await legacySession(url), body: rpc('resources/read', { uri: 'x://none' }) })
    expect(answer.json().error).toMatchObject({ code: -32002, data: { uri: 'x://none', code: 'VSMCP_MCP_TARGET_UNKNOWN' } })
  })
})

describe('cancellation', () => {
  it('by notification reaches the server, and the request gets no answer', async () => {
    const started = endless('endless')
    const headers = await legacySession(url)
    const pending = http(url, { headers, body: rpc('tools/call', { name: 'endless' }, 'call-1') })
    const signal = await started
    const body = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"call-1","reason":"enough"}}'
    expect((await http(url, { headers, body })).status).toBe(202)
    expect(signal.aborted).toBe(true)
    const answer = await pending
    expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([200, 'text/event-stream', ''])
  })

  it('of another session has no effect', async () => {
    const started = endless('endless')
    const own = await legacySession(url)
    const pending = http(url, { headers: own, body: rpc('tools/call', { name: 'endless' }, 'call-1') })
    const signal = await started
    const body = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"call-1"}}'
    await http(url, { headers: await legacySession(url), body })
    expect(signal.aborted).toBe(false)
    await http(url, { headers: own, body })
    expect((await pending).text).toBe('')
  })

  it('is not meant by a lost connection', async () => {
    const { promise: started, resolve: start } = Promise.withResolvers<AbortSignal>()
    const { promise: released, resolve: release } = Promise.withResolvers<McpReply>()
    router.tool(toolNamed('long'), ({ signal, onNotification }) => {
      onNotification('notifications/progress', '{"progressToken":1,"progress":1}')
      start(signal)
      return released
    })
    const headers = await legacySession(url)
    const reader = await EventReader.open(url, {
      headers,
      body: rpc('tools/call', { name: 'long', _meta: { progressToken: 1 } }),
    })
    const signal = await started
    reader.close()
    await expect.poll(() => gateway.stats().connections).toBeLessThan(2)
    expect(signal.aborted).toBe(false)
    release(textReply('done'))
    await expect.poll(() => gateway.stats().inFlight).toBe(0)
  })

  it('frees the id for another request, which one in flight does not', async () => {
    const started = endless('endless')
    const headers = await legacySession(url)
    const pending = http(url, { headers, body: rpc('tools/call', { name: 'endless' }, 1) })
    await started
    expect((await http(url, { headers, body: rpc('tools/call', { name: 'echo' }, 1) })).json().error.code).toBe(-32600)
    await http(url, { headers, body: '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}' })
    await pending
    expect((await http(url, { headers, body: rpc('tools/call', { name: 'echo' }, 1) })).json().result).toBeDefined()
  })
})

describe('the listening stream', () => {
  it('carries changes, on the newest of several streams only', async () => {
    const headers = await legacySession(url)
    const older = await EventReader.open(url, { method: 'GET', headers })
    const newer = await EventReader.open(url, { method: 'GET', headers })
    router.tool(toolNamed('new'), () => textReply(''))
    expect(await newer.next()).toEqual({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })
    newer.close()
    await expect.poll(() => gateway.stats().connections).toBe(1)
    router.prompt({ name: 'p' }, () => textReply(''))
    expect(await older.next()).toEqual({ jsonrpc: '2.0', method: 'notifications/prompts/list_changed' })
    older.close()
  })

  it('is given to those who take event streams only', async () => {
    const headers = { ...(await legacySession(url)), accept: 'application/json' }
    expect((await http(url, { method: 'GET', headers })).status).toBe(406)
  })
})

describe('the log level', () => {
  it('of the session is written into requests that name none', async () => {
    const headers = await legacySession(url)
    await http(url, { headers, body: rpc('tools/call', { name: 'echo', _meta: { progressToken: 'a' } }) })
    expect(router.requests[0]?.paramsJson).not.toContain('logLevel')
    expect((await http(url, { headers, body: rpc('logging/setLevel', { level: 'warning' }) })).json().result).toEqual({})
    await http(url, { headers, body: rpc('tools/call', { name: 'echo', _meta: { progressToken: 'a' } }) })
    expect(JSON.parse(router.requests[1]?.paramsJson ?? '')).toEqual({
      name: 'echo',
      _meta: { progressToken: 'a', 'io.modelcontextprotocol/logLevel': 'warning' },
    })
    await http(url, { headers, body: rpc('tools/call', { name: 'echo' }) })
    expect(JSON.parse(router.requests[2]?.paramsJson ?? '')).toEqual({
      name: 'echo',
      _meta: { 'io.modelcontextprotocol/logLevel': 'warning' },
    })
  })

  it('must be one there is', async () => {
    const answer = await http(url, { headers: await legacySession(url), body: rpc('logging/setLevel', { level: 'loud' }) })
    expect(answer.json().error.code).toBe(-32602)
  })
})

describe('batches', () => {
  const batch = `[${rpc('ping', {}, 1)},{"jsonrpc":"2.0","method":"notifications/initialized"},${rpc('tools/call', { name: 'echo' }, 2)}]`

  it('are answered in the one revision that has them', async () => {
    const answer = await http(url, { headers: await legacySession(url, '2025-03-26'), body: batch })
    const answers = JSON.parse(answer.text) as RpcAnswer[]
    expect(new Set(answers.map(({ id }) => id))).toEqual(new Set([1, 2]))
  })

  it('become an event stream when something is said before the answers', async () => {
    router.tool(toolNamed('slow'), ({ onNotification }) => {
      onNotification('notifications/progress', '{"progressToken":1,"progress":1}')
      return textReply('done')
    })
    const body = `[${rpc('tools/call', { name: 'slow', _meta: { progressToken: 1 } }, 1)},${rpc('ping', {}, 2)}]`
    const answer = await http(url, { headers: await legacySession(url, '2025-03-26'), body })
    expect(new Set(events(answer.text).map((message) => message.id ?? 'note'))).toEqual(new Set([1, 2, 'note']))
  })

  it('of notifications are accepted', async () => {
    const body = '[{"jsonrpc":"2.0","method":"notifications/initialized"}]'
    expect((await http(url, { headers: await legacySession(url, '2025-03-26'), body })).status).toBe(202)
  })

  it.each([
    ['in another revision', '2025-11-25', batch],
    ['with a handshake in it', '2025-03-26', `[${rpc('initialize', { protocolVersion: '2025-03-26' })}]`],
    ['with garbage in it', '2025-03-26', '[{"jsonrpc":"2.0","method":"n"},5]'],
  ])('are refused %s', async (_what, version, body) => {
    const answer = await http(url, { headers: await legacySession(url, version), body })
    expect([answer.status, answer.json().error.code]).toEqual([400, -32600])
  })

  it('are refused with a modern request in them', async () => {
    const body =
      '[{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}]'
    const answer = await http(url, { headers: await legacySession(url, '2025-03-26'), body })
    expect([answer.status, answer.json().error.code]).toEqual([400, -32600])
  })
})
