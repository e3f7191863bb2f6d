import { describe, expect, it } from 'vitest'
import {
  commandSource,
  fixtureServer,
  nextEvent,
  nextLine,
  packagePath,
  rejection,
  resultOf,
  sharedUnit,
  startUnit,
  temporaryDirectory,
  textOf,
  toolCall,
} from './support/unit-fixture.ts'

describe.each([
  { name: 'modern-server', era: 'modern', version: '2026-07-28' },
  { name: 'legacy-server', era: 'legacy', version: '2025-11-25' },
])('a unit of the $era era', ({ name, era, version }) => {
  const shared = sharedUnit(fixtureServer(name))

  it('finds the era and what the server offers', async () => {
    const unit = shared()
    expect(unit.state).toBe('ready')
    expect(unit.definitions).toMatchObject({ era, protocolVersion: version, serverInfo: { name: `${era}-fixture` } })
    expect(unit.definitions?.tools.map((tool) => tool.name)).toContain('sum')
    expect(unit.definitions?.digest).toMatch(/^[0-9a-f]{64}$/)
  })

  it('passes structured output through', async () => {
    const unit = shared()
    const reply = await unit.request(toolCall('sum', { a: 2, b: 3 }))
    expect(reply.era).toBe(era)
    expect(resultOf(reply)).toMatchObject({ structuredContent: { sum: 5 }, content: [{ type: 'text', text: '5' }] })
    expect(resultOf(reply).resultType).toBe(era === 'modern' ? 'complete' : undefined)
  })

  it('gives each of many calls in flight its own answer', async () => {
    const unit = shared()
    const calls = Array.from({ length: 100 }, async (_, i) => resultOf(await unit.request(toolCall('sum', { a: i, b: 1_000 }))))
    const sums = (await Promise.all(calls)).map((result) => (result.structuredContent as { sum: number }).sum)
    expect(sums).toEqual(Array.from({ length: 100 }, (_, i) => i + 1_000))
    expect(unit.stats()).toMatchObject({ inFlight: 0, queued: 0, restarts: 0 })
  })

  it('writes its own protocol members into _meta and leaves the rest as it came', async () => {
    const unit = shared()
    const meta = {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'com.example/key': { kept: [1, 2] },
      'io.modelcontextprotocol/protocolVersion': '2099-01-01',
      'io.modelcontextprotocol/clientInfo': { name: 'caller', version: '9' },
    }
    const seen = JSON.parse(textOf(await unit.request(toolCall('meta', {}, { meta })))) as Record<string, Record<string, unknown>>
    const all = { ...seen['meta'], ...seen['envelope'] }
    expect(all['traceparent']).toBe(meta.traceparent)
    expect(all['com.example/key']).toEqual({ kept: [1, 2] })
    expect(all['progressToken']).toBeUndefined()
    expect(all['io.modelcontextprotocol/protocolVersion']).toBe(era === 'modern' ? '2026-07-28' : undefined)
    expect(all['io.modelcontextprotocol/clientInfo']).toEqual(
      era === 'modern' ? { name: 'vsmcp-test', version: '1.2.3' } : undefined,
    )
  })

  it('hands log messages only to the caller that asked, from the level it asked for', async () => {
    const unit = await startUnit(fixtureServer(name))
    const heard: string[] = []
    const onNotification = (method: string, paramsJson: string): void => {
      heard.push(`${method} ${String((JSON.parse(paramsJson) as { data: unknown }).data)}`)
    }
    await unit.request(toolCall('log', { text: 'unasked' }, { onNotification }))
    const ask = (level: string) => ({ onNotification, meta: { 'io.modelcontextprotocol/logLevel': level } })
    await unit.request(toolCall('log', { text: 'one' }, ask('warning')))
    await unit.request(toolCall('log', { text: 'two' }, ask('debug')))
    expect(heard).toEqual([
      'notifications/message warning one',
      'notifications/message debug two',
      'notifications/message warning two',
    ])
  })

  it('does not guess whose log message it is when two calls could have caused it', async () => {
    const unit = await startUnit(fixtureServer(name))
    const heard: string[] = []
    const asking = {
      onNotification: (method: string) => heard.push(method),
      meta: { 'io.modelcontextprotocol/logLevel': 'debug' },
    }
    const waiting = nextLine(unit, 'waiting other')
    const other = new AbortController()
    const first = rejection(unit.request(toolCall('wait', { name: 'other' }, { ...asking, signal: other.signal })))
    await waiting
    await unit.request(toolCall('log', { text: 'x' }, asking))
    expect(heard).toEqual([])
    other.abort()
    await first
  })

  it('tells the server when a call is cancelled, and the caller that the outcome is unknown', async () => {
    const unit = shared()
    const waiting = nextLine(unit, 'waiting a')
    const cancelled = nextLine(unit, 'cancelled a')
    const abort = new AbortController()
    const call = rejection(unit.request(toolCall('wait', { name: 'a' }, { signal: abort.signal })))
    await waiting
    abort.abort()
    expect(await call).toMatchObject({
      code: 'VSMCP_OUTCOME_UNKNOWN',
      details: { unit: 'unit', method: 'tools/call', reason: 'cancelled' },
    })
    await cancelled
    expect(textOf(await unit.request(toolCall('sum', { a: 1, b: 1 })))).toBe('2')
  })

  it('tells the server when the deadline passes', async () => {
    const unit = shared()
    const cancelled = nextLine(unit, 'cancelled b')
    const error = await rejection(unit.request(toolCall('wait', { name: 'b' }, { deadlineMs: 150 })))
    expect(error).toMatchObject({ code: 'VSMCP_OUTCOME_UNKNOWN', details: { reason: 'deadline' } })
    await cancelled
  })

  it('does not send a call that was cancelled before it was made', async () => {
    const unit = shared()
    expect(await rejection(unit.request(toolCall('sum', {}, { signal: AbortSignal.abort() })))).toMatchObject({
      code: 'VSMCP_NOT_SENT',
    })
  })
})

describe('a modern unit', () => {
  const shared = sharedUnit(fixtureServer('modern-server'))

  it("passes progress with the caller's own token, in order and before the answer", async () => {
    const unit = shared()
    for (const progressToken of ['text-token', 0]) {
      const heard: unknown[] = []
      const onNotification = (method: string, paramsJson: string): void => void heard.push([method, JSON.parse(paramsJson)])
      const reply = await unit.request(toolCall('count', { to: 3 }, { onNotification, meta: { progressToken } }))
      expect(textOf(reply)).toBe('counted')
      expect(heard).toEqual(
        [1, 2, 3].map((progress) => [
          'notifications/progress',
          { progressToken, progress, total: 3, message: `step ${progress}` },
        ]),
      )
    }
  })

  it('reads the lists again when the server says they changed', async () => {
    const unit = shared()
    const before = unit.definitions?.digest
    const changed = nextEvent(unit, 'definitions')
    await unit.request(toolCall('grow', { name: 'new-tool' }))
    const definitions = await changed
    expect(definitions.tools.map((tool) => tool.name)).toContain('new-tool')
    expect(definitions.digest).not.toBe(before)
    expect(unit.definitions).toBe(definitions)
  })
})

describe('a legacy unit', () => {
  it('answers a request of the server with a clean refusal', async () => {
    const unit = await startUnit(fixtureServer('legacy-server'))
    expect(textOf(await unit.request(toolCall('ask-model')))).toBe('refused -32601')
  })
})

describe('the published servers', () => {
  it('everything: progress, prompts, resources, completion, and new resources announced', async () => {
    const unit = await startUnit(commandSource(process.execPath, packagePath('server-everything/dist/index.js'), 'stdio'))
    const progress: number[] = []
    const reply = await unit.request(
      toolCall(
        'trigger-long-running-operation',
        { duration: 0.1, steps: 4 },
        {
          meta: { progressToken: 'p' },
          onNotification: (_method, json) => progress.push((JSON.parse(json) as { progress: number }).progress),
        },
      ),
    )
    expect(textOf(reply)).toContain('completed')
    expect(progress).toEqual([1, 2, 3, 4])
    const ask = async (method: string, params: object) =>
      unit.request({ method, paramsJson: JSON.stringify(params), deadlineMs: 5_000 })
    const [resource] = unit.definitions?.resources ?? []
    const [template] = unit.definitions?.resourceTemplates ?? []
    const [prompt] = unit.definitions?.prompts ?? []
    expect(resultOf(await ask('resources/read', { uri: resource?.uri }))).toHaveProperty('contents')
    expect(resultOf(await ask('prompts/get', { name: prompt?.name }))).toHaveProperty('messages')
    expect(template?.uriTemplate).toBeTruthy()
    const argument = { name: 'department', value: 'E' }
    const completed = await ask('completion/complete', { ref: { type: 'ref/prompt', name: 'completable-prompt' }, argument })
    expect(resultOf(completed)).toMatchObject({ completion: { values: ['Engineering'] } })
    expect(resultOf(await unit.request(toolCall('get-structured-content', { location: 'Chicago' })))).toHaveProperty(
      'structuredContent',
    )
  })

  it('filesystem: writes and reads a file', async () => {
    const directory = temporaryDirectory()
    const unit = await startUnit(commandSource(process.execPath, packagePath('server-filesystem/dist/index.js'), directory))
    await unit.request(toolCall('write_file', { path: `${directory}/a.txt`, content: 'hällo\n"quoted"' }))
    expect(textOf(await unit.request(toolCall('read_text_file', { path: `${directory}/a.txt` })))).toBe('hällo\n"quoted"')
  })

  it('memory: keeps its file where its environment says', async () => {
    const directory = temporaryDirectory()
    const source = commandSource(process.execPath, packagePath('server-memory/dist/index.js'))
    const unit = await startUnit(
      { ...source, env: { MEMORY_FILE_PATH: 'env:WHERE' } },
      { environment: { WHERE: `${directory}/m.json` } },
    )
    await unit.request(toolCall('create_entities', { entities: [{ name: 'Beer', entityType: 'person', observations: ['VSM'] }] }))
    expect(textOf(await unit.request(toolCall('read_graph')))).toContain('Beer')
  })
})
