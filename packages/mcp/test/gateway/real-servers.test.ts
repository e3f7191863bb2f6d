import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as OldStdio } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seededRandom, silentLogger, systemClock } from '@vsmcp/kernel'
import { createProcessGuard, createUnit, type Gateway, type ProcessGuard, type Unit } from '@vsmcp/mcp'
import { startGateway } from './support/gateway-fixture.ts'
import { CLIENTS, type TestClient } from './support/test-clients.ts'
import { UnitRouter } from './support/unit-router.ts'

const EVERYTHING = join(
  dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/package.json')),
  'dist/index.js',
)
const MODERN = fileURLToPath(new URL('../fixtures/modern-server.ts', import.meta.url))
const HTTP_CLIENTS = Object.entries(CLIENTS).filter(([kind]) => kind.endsWith('HTTP'))

/** Calls whose answers do not change from run to run. */
const CALLS: readonly [tool: string, args: Record<string, unknown>][] = [
  ['echo', { message: 'größe "quoted"\n' }],
  ['echo', {}],
  ['get-sum', { a: 0.1, b: 2 }],
  ['get-tiny-image', {}],
  ['get-structured-content', { location: 'Chicago' }],
  ['get-annotated-message', { messageType: 'error', includeImage: true }],
  ['get-resource-links', { count: 3 }],
  ['get-resource-reference', { resourceType: 'Text', resourceId: 2 }],
]

const components = { clock: systemClock, random: seededRandom(3), logger: silentLogger }
let dir: string
let processes: ProcessGuard
let units: Unit[]
let gateway: Gateway
let direct: OldClient

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vsmcp-real-'))
  processes = createProcessGuard({ dir })(components)
  await processes.start()
  const source = (file: string, ...args: string[]) => ({
    kind: 'stdio' as const,
    command: process.execPath,
    args: [file, ...args],
    env: {},
    cwd: dir,
  })
  units = [
    createUnit({ spec: { name: 'all', source: source(EVERYTHING, 'stdio') } })({ ...components, processes }),
    createUnit({ spec: { name: 'new', source: source(MODERN) } })({ ...components, processes }),
  ]
  await Promise.all(units.map(async (unit) => unit.start()))
  gateway = await startGateway(new UnitRouter(units))
  direct = new OldClient({ name: 'direct', version: '1.0.0' })
  await direct.connect(new OldStdio({ command: process.execPath, args: [EVERYTHING, 'stdio'], cwd: dir, stderr: 'ignore' }))
})

afterAll(async () => {
  await direct.close()
  await gateway.stop()
  await Promise.all(units.map(async (unit) => unit.stop()))
  await processes.stop()
  await rm(dir, { recursive: true })
})

/** A result without what only the modern era adds. */
function plain({ _meta, ttlMs: _ttl, cacheScope: _scope, ...rest }: Record<string, unknown>): Record<string, unknown> {
  const { 'io.modelcontextprotocol/serverInfo': _info, ...meta } = (_meta ?? {}) as Record<string, unknown>
  return Object.keys(meta).length === 0 ? rest : { ...rest, _meta: meta }
}

async function outcomeOf(answer: Promise<Record<string, unknown>>): Promise<unknown> {
  try {
    return plain(await answer)
  } catch (error) {
    const { code, message } = error as { code: number; message: string }
    // SDK 1.x puts the code into the message of its errors; 2.x does not.
    return { code, message: message.replace(/^MCP error -?\d+: /, '') }
  }
}

describe.each(HTTP_CLIENTS)('through the gateway, %s', (kind, connect) => {
  let client: TestClient

  beforeAll(async () => {
    client = await connect(gateway.url())
  })

  afterAll(async () => {
    await client.close()
  })

  it('gets from a legacy server the answers that a direct client gets', async () => {
    for (const [tool, args] of CALLS) {
      const through = await outcomeOf(client.call(`all__${tool}`, args))
      const straight = await outcomeOf(direct.callTool({ name: tool, arguments: args }))
      expect(through, `${tool} ${JSON.stringify(args)}`).toEqual(straight)
    }
  })

  it('lists what a direct client lists', async () => {
    const own = (names: string[]): string[] => names.filter((name) => name.startsWith('all__')).map((name) => name.slice(5))
    const straight = (await direct.listTools()).tools.map(({ name }) => name)
    // Tools that need the client's own abilities are offered to those only who have them; here nobody does.
    expect(own(await client.list('tools'))).toEqual(straight)
    expect(own(await client.list('prompts'))).toEqual((await direct.listPrompts()).prompts.map(({ name }) => name))
    const resources = (await direct.listResources()).resources
    expect(await client.list('resources')).toEqual(expect.arrayContaining(resources.map(({ uri }) => uri)))
    const [first] = resources
    expect(plain(await client.read(first?.uri ?? ''))).toEqual(await direct.readResource({ uri: first?.uri ?? '' }))
  })

  it('uses prompts and completion', async () => {
    const args = { city: 'Paris', state: 'Texas' }
    expect(plain(await client.prompt('all__args-prompt', args))).toEqual(
      await direct.getPrompt({ name: 'args-prompt', arguments: args }),
    )
    expect(await client.complete('all__completable-prompt', 'department', 'E')).toContain('Engineering')
  })

  it('hears the progress of a long operation', async () => {
    const heard: number[] = []
    const answer = await client.call(
      'all__trigger-long-running-operation',
      { duration: 0.3, steps: 3 },
      { onProgress: (value) => heard.push(value) },
    )
    expect(heard.slice(0, 2)).toEqual([1, 2])
    expect(answer).toMatchObject({ content: [{ text: expect.stringContaining('completed') as string }] })
  })

  it('uses a modern server in the same way', async () => {
    expect(plain(await client.call('new__sum', { a: 1, b: 2 }))).toEqual({
      content: [{ type: 'text', text: '3' }],
      structuredContent: { sum: 3 },
    })
    const logs: unknown[] = []
    client.onLog((data) => logs.push(data))
    await client.call('new__log', { text: 'quiet' })
    await client.call('new__log', { text: 'loud' }, { logLevel: 'warning' })
    expect(logs).toEqual(['warning loud'])
  })

  it('is told when a server brings another tool', async () => {
    let changed = Promise.withResolvers<void>()
    await client.onToolsChanged(() => changed.resolve())
    const name = `grown-${kind.replaceAll(/[^a-z0-9]+/gi, '-')}`
    await client.call('new__grow', { name })
    do {
      await changed.promise
      changed = Promise.withResolvers<void>()
    } while (!(await client.list('tools')).includes(`new__${name}`))
  })
})
