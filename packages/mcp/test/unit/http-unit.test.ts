import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { UnitSource } from '@vsmcp/mcp'
import {
  freePort,
  sendEvent,
  sendJson,
  startEverything,
  startModernServer,
  startScriptedServer,
  textResult,
} from './support/http-servers.ts'
import { fastClock } from './support/fast-clock.ts'
import {
  makeUnit,
  nextEvent,
  rejection,
  resultOf,
  startUnit,
  temporaryDirectory,
  textOf,
  toolCall,
} from './support/unit-fixture.ts'

function at(url: string, headers: Record<string, string> = {}): UnitSource {
  return { kind: 'http', url, headers }
}

describe('a unit by URL, modern era', () => {
  it('passes structured output, progress, logs and mirrored arguments, with headers from files', async () => {
    const server = await startModernServer()
    const file = join(temporaryDirectory(), 'token')
    writeFileSync(file, 'Bearer secret\n')
    const unit = await startUnit(at(server.url, { Authorization: `file:${file}` }))
    expect(unit.definitions).toMatchObject({
      era: 'modern',
      protocolVersion: '2026-07-28',
      serverInfo: { name: 'modern-fixture' },
    })
    expect(unit.definitions?.instructions).toBe('Use the tools.')

    const sum = resultOf(await unit.request(toolCall('sum', { a: 20, b: 22 })))
    expect(sum).toMatchObject({ resultType: 'complete', structuredContent: { sum: 42 } })

    const heard: unknown[] = []
    const onNotification = (method: string, json: string): void => void heard.push([method, JSON.parse(json)])
    await unit.request(toolCall('count', { to: 2 }, { onNotification, meta: { progressToken: 'mine' } }))
    await unit.request(toolCall('log', { text: 'x' }, { onNotification, meta: { 'io.modelcontextprotocol/logLevel': 'error' } }))
    await unit.request(toolCall('log', { text: 'y' }, { onNotification, meta: { 'io.modelcontextprotocol/logLevel': 'info' } }))
    expect(heard).toEqual([
      ['notifications/progress', { progressToken: 'mine', progress: 1, total: 2, message: 'step 1' }],
      ['notifications/progress', { progressToken: 'mine', progress: 2, total: 2, message: 'step 2' }],
      ['notifications/message', { level: 'warning', data: 'warning y' }],
    ])

    // The server refuses a call whose marked argument is not repeated in a header.
    expect(textOf(await unit.request(toolCall('region', { region: 'eu' })))).toBe('eu')
    expect(textOf(await unit.request(toolCall('region', { region: 'Zürich ' })))).toBe('Zürich ')
    await server.said('POST Bearer secret eu')
  })

  it('tells the server of a cancelled call by closing its stream', async () => {
    const server = await startModernServer()
    const unit = await startUnit(at(server.url))
    const abort = new AbortController()
    const call = rejection(unit.request(toolCall('wait', { name: 'w' }, { signal: abort.signal })))
    await server.said('waiting w')
    abort.abort()
    expect(await call).toMatchObject({ details: { reason: 'cancelled' } })
    await server.said('cancelled w')
  })

  it('listens for changes of the lists', async () => {
    const server = await startModernServer()
    const unit = await startUnit(at(server.url))
    const changed = nextEvent(unit, 'definitions')
    await unit.request(toolCall('grow', { name: 'grown-tool' }))
    expect((await changed).tools.map((tool) => tool.name)).toContain('grown-tool')
  })

  it('notices at once that an idle server went away', async () => {
    const server = await startModernServer()
    const unit = await startUnit(at(server.url), { clock: fastClock(10) })
    const down = nextEvent(unit, 'state', ({ state }) => state === 'backing-off')
    server.process.kill('SIGKILL')
    expect((await down).reason).toContain('it can no longer be listened to')
  })
})

describe('a unit by URL, legacy era', () => {
  it('finds its server again after it was killed and came back, in a new session', async () => {
    const port = await freePort()
    const first = await startEverything(port)
    const unit = await startUnit(at(first.url), { clock: fastClock(5) })
    expect(unit.definitions).toMatchObject({ era: 'legacy', serverInfo: { name: 'mcp-servers/everything' } })
    expect(textOf(await unit.request(toolCall('echo', { message: 'hi' })))).toBe('Echo: hi')
    const progress: unknown[] = []
    const onNotification = (_method: string, json: string): void =>
      void progress.push((JSON.parse(json) as { progress: number }).progress)
    const long = toolCall(
      'trigger-long-running-operation',
      { duration: 0.1, steps: 2 },
      { onNotification, meta: { progressToken: 1 }, deadlineMs: 60_000 },
    )
    await unit.request(long)
    expect(progress).toEqual([1, 2])

    const down = nextEvent(unit, 'state', ({ state }) => state === 'backing-off')
    const up = nextEvent(unit, 'state', ({ state }) => state === 'ready')
    first.process.kill('SIGKILL')
    await down
    expect(await rejection(unit.request(toolCall('echo', { message: 'x' })))).toMatchObject({ code: 'VSMCP_NOT_SENT' })
    await startEverything(port)
    await up
    expect(textOf(await unit.request(toolCall('echo', { message: 'again' }, { deadlineMs: 60_000 })))).toBe('Echo: again')
  })

  it('sends session, revision and the id of what it cancels', async () => {
    const server = await startScriptedServer(() => {})
    const unit = await startUnit(at(server.url))
    const abort = new AbortController()
    const call = rejection(unit.request(toolCall('tool', {}, { signal: abort.signal })))
    const sent = await server.got(({ method }) => method === 'tools/call')
    expect(sent.headers).toMatchObject({
      'mcp-protocol-version': '2025-11-25',
      'mcp-session-id': expect.stringMatching(/^session-/),
    })
    abort.abort()
    expect(await call).toMatchObject({ details: { reason: 'cancelled' } })
    const cancelled = await server.got(({ method }) => method === 'notifications/cancelled')
    expect(cancelled.params.requestId).toBe(sent.id)
    expect(cancelled.headers['mcp-session-id']).toBe(sent.headers['mcp-session-id'])
  })

  it('asks the server once for log messages as fine as a caller wants', async () => {
    const server = await startScriptedServer(({ id }, response) => {
      for (const level of ['debug', 'error'])
        sendEvent(response, { jsonrpc: '2.0', method: 'notifications/message', params: { level, data: level } })
      sendEvent(response, textResult(id, 'ok'))
      response.end()
    })
    const unit = await startUnit(at(server.url))
    const heard: string[] = []
    const onNotification = (_method: string, json: string): void => void heard.push((JSON.parse(json) as { data: string }).data)
    for (const level of ['error', 'debug', 'error']) {
      await unit.request(toolCall('tool', {}, { onNotification, meta: { 'io.modelcontextprotocol/logLevel': level } }))
    }
    expect(heard).toEqual(['error', 'debug', 'error', 'error'])
    await server.got(({ params }) => params?.level === 'debug')
    expect(server.received.filter(({ method }) => method === 'logging/setLevel').map(({ params }) => params.level)).toEqual([
      'error',
      'debug',
    ])
  })

  it('answers what the server asks within a call with a clean refusal', async () => {
    const server = await startScriptedServer(({ id }, response) => {
      sendEvent(response, { jsonrpc: '2.0', id: 'ask-1', method: 'sampling/createMessage', params: {} })
      void server
        .got((received) => (received as { id?: unknown }).id === 'ask-1')
        .then(() => {
          sendEvent(response, textResult(id, 'ok'))
          response.end()
        })
    })
    const unit = await startUnit(at(server.url))
    expect(textOf(await unit.request(toolCall('tool')))).toBe('ok')
    expect(await server.got((received) => (received as { id?: unknown }).id === 'ask-1')).toMatchObject({
      error: { code: -32601 },
    })
  })

  it('takes up an answer again where its stream was cut', async () => {
    const server = await startScriptedServer(({ id, params }, response) => {
      sendEvent(
        response,
        {
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: { progressToken: params._meta?.['progressToken'], progress: 1 },
        },
        'event-1',
      )
      server.onGet = (request, again) => {
        if (request.headers['last-event-id'] === 'event-1') sendEvent(again, textResult(id, 'resumed'))
        else again.writeHead(405)
        again.end()
      }
      response.write('retry: 10\n\n', () => response.destroy())
    })
    const unit = await startUnit(at(server.url))
    const heard: string[] = []
    const reply = await unit.request(
      toolCall('tool', {}, { onNotification: (method) => heard.push(method), meta: { progressToken: 0 } }),
    )
    expect(textOf(reply)).toBe('resumed')
    expect(heard).toEqual(['notifications/progress'])
  })

  it('follows a redirect within the origin, and remembers it', async () => {
    let redirected = 0
    const server = await startScriptedServer(({ id }, response, request) => {
      if (request.url === '/moved') return sendJson(response, textResult(id, 'here'))
      redirected++
      response.writeHead(308, { location: '/moved' }).end()
    })
    const unit = await startUnit(at(server.url))
    expect(textOf(await unit.request(toolCall('tool')))).toBe('here')
    expect(textOf(await unit.request(toolCall('tool')))).toBe('here')
    expect(redirected).toBe(1)
  })

  it('begins a new session when the server has forgotten the old one', async () => {
    const server = await startScriptedServer(({ id, headers }, response) => {
      if (headers['mcp-session-id'] !== forgotten) return sendJson(response, textResult(id, 'ok'))
      sendJson(
        response,
        { jsonrpc: '2.0', id, error: { code: -32000, message: 'Bad Request: No valid session ID provided' } },
        400,
      )
    })
    let forgotten: unknown
    const unit = await startUnit(at(server.url), { clock: fastClock(10) })
    forgotten = (await server.got(({ method }) => method === 'tools/list')).headers['mcp-session-id']
    const ready = nextEvent(unit, 'state', ({ state }) => state === 'ready')
    expect(await rejection(unit.request(toolCall('tool')))).toMatchObject({ code: 'VSMCP_NOT_SENT' })
    await ready
    expect(textOf(await unit.request(toolCall('tool', {}, { deadlineMs: 60_000 })))).toBe('ok')
  })
})

describe('what an HTTP server does wrong is told as what it is', () => {
  it.each([
    { what: '401', status: 401, code: 'VSMCP_NOT_SENT', text: 'HTTP 401' },
    { what: '403', status: 403, code: 'VSMCP_NOT_SENT', text: 'HTTP 403' },
    { what: '429', status: 429, code: 'VSMCP_BUSY', text: 'HTTP 429' },
    { what: '500', status: 500, code: 'VSMCP_OUTCOME_UNKNOWN', text: 'HTTP 500' },
    { what: '502', status: 502, code: 'VSMCP_OUTCOME_UNKNOWN', text: 'HTTP 502' },
    { what: 'a redirect to another origin', status: 307, code: 'VSMCP_NOT_SENT', text: 'redirects elsewhere' },
    { what: '200 and no answer', status: 200, code: 'VSMCP_OUTCOME_UNKNOWN', text: 'without a JSON-RPC answer' },
  ])('$what', async ({ status, code, text }) => {
    const server = await startScriptedServer((_received, response) => {
      response.writeHead(status, { 'content-type': 'text/html', location: 'http://192.0.2.1/' }).end('<html>')
    })
    const unit = await startUnit(at(server.url))
    const error = await rejection(unit.request(toolCall('tool')))
    expect(error.code).toBe(code)
    expect(error.message).toContain(text)
    expect(unit.stats().inFlight).toBe(0)
  })

  it('the connection closed without an answer', async () => {
    const server = await startScriptedServer((_received, response) => response.destroy())
    const unit = await startUnit(at(server.url))
    expect(await rejection(unit.request(toolCall('tool')))).toMatchObject({
      code: 'VSMCP_OUTCOME_UNKNOWN',
      details: { reason: 'died' },
    })
  })

  it('an answer over the bound, as JSON and as an event', async () => {
    const filling = 'x'.repeat(17 * 1024 * 1024)
    const server = await startScriptedServer(({ id, params }, response) => {
      if (params.name === 'json') return sendJson(response, textResult(id, filling))
      sendEvent(response, textResult(id, filling))
      response.end()
    })
    const unit = await startUnit(at(server.url))
    for (const name of ['json', 'event']) {
      expect(await rejection(unit.request(toolCall(name)))).toMatchObject({
        code: 'VSMCP_OUTCOME_UNKNOWN',
        details: { reason: 'too-large' },
      })
    }
  })

  it('a stream that stays open after its answer, which keeps no later call waiting', async () => {
    const closed: Promise<void>[] = []
    const server = await startScriptedServer(({ id }, response) => {
      closed.push(new Promise((resolve) => response.once('close', () => resolve())))
      sendEvent(response, textResult(id, 'ok'))
    })
    const unit = await startUnit(at(server.url), { clock: fastClock(10) })
    expect(textOf(await unit.request(toolCall('tool')))).toBe('ok')
    await closed[0]
  })

  it('an answer to another request is not taken for this one', async () => {
    const server = await startScriptedServer(({ id = 0 }, response) => {
      sendEvent(response, textResult(id + 1, 'other'))
      sendEvent(response, textResult(id, 'own'))
      response.end()
    })
    const unit = await startUnit(at(server.url))
    expect(textOf(await unit.request(toolCall('tool')))).toBe('own')
  })

  it('nothing listens there', async () => {
    const unit = await makeUnit(at(`http://127.0.0.1:${await freePort()}/mcp`))
    const error = await rejection(unit.start())
    expect(error).toMatchObject({ code: 'VSMCP_UNIT_START' })
    expect(error.message).toContain('ECONNREFUSED')
  })

  it('it refuses the credentials', async () => {
    const server = await startScriptedServer(() => {})
    server.server.removeAllListeners('request')
    server.server.on('request', (_request, response) => response.writeHead(401).end())
    const error = await rejection((await makeUnit(at(server.url))).start())
    expect(error.message).toContain('401')
    expect(error.hint).toContain('headers')
  })

  it('it is a web site, of whose page only some words are told', async () => {
    const page = `<!DOCTYPE html><html><head><style>p { color: red }</style><title>404</title></head><body class="x"><h1>Not here</h1>${'<p>Try elsewhere.</p>\n'.repeat(500)}`
    const server = await startScriptedServer(() => {})
    server.server.removeAllListeners('request')
    server.server.on('request', (_request, response) => response.writeHead(404, { 'content-type': 'text/html' }).end(page))
    const { message } = await rejection((await makeUnit(at(server.url))).start())
    expect(message).toContain('404')
    expect(message).toContain('a page of HTML: 404 Not here Try elsewhere.')
    expect(message).not.toMatch(/[<>]|color/)
    expect(message.length).toBeLessThan(400)
  })

  it.each(['ftp://host/', 'nonsense', 'http://user:password@host/'])('a URL that cannot work: %s', async (url) => {
    expect(await rejection(makeUnit(at(url)))).toMatchObject({ code: 'VSMCP_INVALID_ARGUMENT' })
  })

  it.each(['Mcp-Session-Id', 'content-length', 'Mcp-Param-X', 'bad name'])(
    'a header that is not the user’s to set: %s',
    async (name) => {
      expect(await rejection(makeUnit(at('http://host/', { [name]: 'x' })))).toMatchObject({ code: 'VSMCP_INVALID_ARGUMENT' })
    },
  )

  it('a header value from the environment with a line break, which is not shown', async () => {
    const unit = await makeUnit(at('http://127.0.0.1:9/', { Authorization: 'env:TOKEN' }), {
      environment: { TOKEN: 'secret\r\nHost: x' },
    })
    const error = await rejection(unit.start())
    expect(error).toMatchObject({ code: 'VSMCP_INVALID_ARGUMENT' })
    expect(error.message).not.toContain('secret')
  })
})
