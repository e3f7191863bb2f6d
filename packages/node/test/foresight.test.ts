import { type Random, seededRandom } from '@vsmcp/kernel'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { SelfView } from '../src/self/contract.ts'
import { initMesh } from '../src/enrol/init-mesh.ts'
import { joinMesh } from '../src/enrol/join-mesh.ts'
import type { VsmcpNode } from '../src/node-init.ts'
import { createNode } from '../src/vsmcp-node.ts'
import { emptyDirectory, initOf } from './support/group.ts'
import { attach } from './support/servers.ts'

async function started(dataDir: string): Promise<VsmcpNode> {
  const node = createNode(initOf(dataDir))
  await node.start()
  onTestFinished(() => node.stop())
  return node
}

async function founded(dataDir?: string): Promise<VsmcpNode> {
  const dir = dataDir ?? (await emptyDirectory())
  await initMesh({ dataDir: dir, name: 'mill' })
  const node = await started(dir)
  await node.control.wait({ leader: true, timeoutMs: 20_000 })
  return node
}

async function joined(member: VsmcpNode, name: string): Promise<VsmcpNode> {
  const dataDir = await emptyDirectory()
  const { token } = await member.control.createInvitation({ role: 'member', ttlMs: 60_000, uses: 1 })
  await joinMesh({ dataDir, token, name })
  return started(dataDir)
}

const asked = (tool: string) => ({ tool, args: {}, timeoutMs: 60_000 })
const AS_IS = { without: [], demand: 1, slow: {}, seed: 1 }

/** Of one call the serial server takes, milliseconds: long beside how late timers fire on a busy machine. */
const SERVICE_MS = 100

/** Calls at random times, as the seed has it. @returns the median of what they took */
async function load(node: VsmcpNode, random: Random, { calls, share }: { calls: number; share: number }): Promise<number> {
  let atMs = performance.now()
  const latencies = await Promise.all(
    Array.from({ length: calls }, async () => {
      atMs += (-Math.log(1 - random.next()) * SERVICE_MS) / share
      await new Promise((resolve) => setTimeout(resolve, atMs - performance.now()))
      return (await node.control.call(asked('u__serve'))).latencyMs
    }),
  )
  return latencies.sort((a, b) => a - b)[Math.floor(calls / 2)] ?? 0
}

describe('what if', () => {
  // A machine that stands still in the first half measures a slower server than there is in the second.
  it(
    'demand doubles: what is foretold is what then happens, within a factor of two',
    { retry: 2, timeout: 120_000 },
    async () => {
      const node = await founded()
      await node.control.attach(attach('u', 'serial-server', [String(SERVICE_MS)]))
      const random = seededRandom(348)
      const now = await load(node, random, { calls: 40, share: 0.35 })
      const foretold = await node.control.whatIf({ ...AS_IS, demand: 2 })
      const then = await load(node, random, { calls: 60, share: 0.7 })
      const [unit] = foretold.units
      // With every call served at once, or demand as it was, the foretold one would be less than half of what happens.
      expect(then).toBeGreaterThan(2 * SERVICE_MS)
      expect((unit?.later.latencyP50Ms?.mean ?? 0) / then).toBeGreaterThan(0.5)
      expect((unit?.later.latencyP50Ms?.mean ?? 0) / then).toBeLessThan(2)
      expect((unit?.now.latencyP50Ms?.mean ?? 0) / now).toBeGreaterThan(0.5)
      expect((unit?.now.latencyP50Ms?.mean ?? 0) / now).toBeLessThan(2)
    },
  )

  it('a node leaves: its units are measured where they are, and all calls to them refused', async () => {
    const mill = await founded()
    const quarry = await joined(mill, 'quarry')
    await quarry.control.attach(attach('far', 'serial-server', ['1']))
    await mill.control.wait({ tool: 'far__serve', members: 2, timeoutMs: 30_000 })
    await expect
      .poll(async () => (await mill.control.members()).every(({ connected }) => connected), { timeout: 30_000 })
      .toBe(true)
    for (let i = 0; i < 3; i++) await mill.control.call(asked('far__serve'))
    const { units, silentNodes } = await mill.control.whatIf({ ...AS_IS, without: ['quarry'] })
    expect(silentNodes).toEqual([])
    expect(units).toMatchObject([
      { unit: 'far', node: 'quarry', now: { refused: { mean: 0 } }, later: { latencyP50Ms: null, refused: { mean: 1 } } },
    ])
    // What System 4 of the other node sees can be asked for here.
    expect(await mill.control.forecast({ unit: 'far' })).toMatchObject({ nodeName: 'quarry' })
    // Calls made at either node are in the group's variety.
    const self = await quarry.control.self()
    expect(self.variety).toMatchObject({ nodes: 2, silentNodes: 0, node: { calls: 0 }, group: { calls: 3, outcomes: { ok: 3 } } })
    expect((await mill.control.self()).variety.node).toMatchObject({ calls: 3, outcomeBits: 0 })
  })

  it('is refused for what nobody knows, and for factors that say nothing', async () => {
    const { control } = await founded()
    const refused = (change: object) => expect(control.whatIf({ ...AS_IS, ...change })).rejects
    await refused({ without: ['nowhere'] }).toThrow(/no member nowhere/)
    await refused({ slow: { nobody: 2 } }).toThrow(/no unit nobody/)
    await refused({ demand: -1 }).toThrow(/-1 is no factor/)
    expect(await control.whatIf(AS_IS)).toMatchObject({ units: [], unknown: [] })
    await expect(control.forecast({ unit: 'nobody' })).rejects.toMatchObject({ code: 'VSMCP_NODE_UNIT_UNKNOWN' })
  })
})

describe('what is asked in vain', () => {
  it('is known with what would close it, also after a restart, until it is offered', async () => {
    const dataDir = await emptyDirectory()
    const node = await founded(dataDir)
    for (let i = 0; i < 3; i++) await expect(node.control.call(asked('serve'))).rejects.toThrow(/no tool serve/)
    const before = await node.control.self()
    expect(before.variety.unmet).toMatchObject([
      { tool: 'serve', cause: 'unknown', calls: 3, requested: true, remedy: 'attach a server that offers serve' },
    ])
    expect(before.variety.node.outcomes).toEqual({ unknown: 3 })
    await node.stop()
    const again = await started(dataDir)
    expect((await again.control.self()).variety.unmet).toMatchObject([{ tool: 'serve', calls: 3 }])
    await again.control.attach(attach('u', 'serial-server', ['1']))
    await again.control.wait({ tool: 'serve', timeoutMs: 30_000 })
    expect((await again.control.self()).variety.unmet).toEqual([])
  })
})

/** A request of a modern client. @returns the result */
async function ask(url: string, method: string, uri?: string): Promise<unknown> {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const named = uri === undefined ? {} : { uri }
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(uri === undefined ? {} : { 'mcp-name': uri }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...named, _meta: meta } }),
  })
  return ((await response.json()) as { result?: unknown }).result
}

describe('vsmcp://self', () => {
  it('is listed, and gives MCP clients what `vsmcp self` gives people', async () => {
    const node = await founded()
    const { resources } = (await ask(node.ready.mcp, 'resources/list')) as { resources: object[] }
    expect(resources).toMatchObject([{ uri: 'vsmcp://self', mimeType: 'application/json' }])
    const read = (await ask(node.ready.mcp, 'resources/read', 'vsmcp://self')) as { contents: { text: string }[] }
    const told = JSON.parse(read.contents[0]?.text ?? '') as SelfView
    expect(told.identity).toMatchObject({ node: 'mill', peerId: node.ready.peerId })
    expect(told.is.members).toEqual({ known: 1, alive: 1 })
  })
})
