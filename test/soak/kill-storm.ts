import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { randomInteger, seededRandom } from '../../packages/kernel/src/index.ts'

import { LocalNode, startMesh, stopMesh } from '../../scripts/lib/local-mesh.ts'
import { liveProcessesOf } from '../../scripts/lib/processes-of.ts'

export interface KillStormInit {
  rounds: number
  seed: number
}

interface Counts {
  answered: number
  refused: Record<string, number>
  undocumented: string[]
}

const server = fileURLToPath(new URL('../bench/call/stdio-server.ts', import.meta.url))

/**
 * Three nodes, a server on each of two, clients calling a read-only tool at every node without pause, and `kill -9` of a
 * random node again and again. Every call must be answered or fail with a documented error; every invitation that was
 * acknowledged must be there at the end; every node must come back as itself; nothing may be left behind.
 */
export async function killStorm({ rounds, seed }: KillStormInit): Promise<number> {
  const random = seededRandom(seed)
  const folder = mkdtempSync(join(tmpdir(), 'vsmcp-soak-'))
  console.log(`kill storm: ${rounds} rounds, seed ${seed}`)
  const nodes = await startMesh(folder, ['a', 'b', 'c'], () => [])
  const counts: Counts = { answered: 0, refused: {}, undocumented: [] }
  const acknowledged: string[] = []
  const recoveries: number[] = []
  const running = { on: true }
  try {
    for (const name of ['b', 'c']) {
      const node = named(nodes, name)
      await node.vsmcp('attach', `lookup-${name}`, '--env', `LOOKUP_COUNTS_FOLDER=${folder}`, '--', process.execPath, server)
    }
    for (const node of nodes)
      await node.vsmcp('wait', '--tool', 'lookup-b__lookup', '--tool', 'lookup-c__lookup', '--timeout', '30s')
    const clients = nodes.map((_, index) => keepCalling(nodes, index, running, counts))
    for (let round = 1; round <= rounds; round++) {
      const index = randomInteger(random, 0, nodes.length - 1)
      const victim = nodes[index]
      const other = nodes[(index + 1) % nodes.length]
      if (victim === undefined || other === undefined) throw new Error('a node is missing')
      const killed = performance.now()
      await victim.end('SIGKILL')
      const { id } = (await other.vsmcp('invite')) as { id: string }
      acknowledged.push(id)
      const back = await LocalNode.start(victim.dataDir, victim.ready.name, victim.sameAddresses)
      if (back.ready.peerId !== victim.ready.peerId) throw new Error(`${victim.ready.name} came back as somebody else`)
      nodes[index] = back
      await back.vsmcp('wait', '--members', '3', '--leader', '--timeout', '30s')
      recoveries.push(performance.now() - killed)
      if (round % 10 === 0) console.log(`round ${round}: ${counts.answered} calls answered, ${JSON.stringify(counts.refused)}`)
    }
    running.on = false
    await Promise.all(clients)
    const present = new Set(((await named(nodes, 'a').vsmcp('invite', 'ls')) as { id: string }[]).map(({ id }) => id))
    const lost = acknowledged.filter((id) => !present.has(id))
    recoveries.sort((a, b) => a - b)
    console.log(
      JSON.stringify({
        rounds,
        seed,
        answered: counts.answered,
        refused: counts.refused,
        undocumented: counts.undocumented.slice(0, 10),
        acknowledged: acknowledged.length,
        lost: lost.length,
        backMedianMs: Math.round(recoveries[Math.floor(recoveries.length / 2)] ?? 0),
        backWorstMs: Math.round(recoveries.at(-1) ?? 0),
      }),
    )
    return lost.length === 0 && counts.undocumented.length === 0 && counts.answered > rounds ? 0 : 1
  } finally {
    running.on = false
    await stopMesh(nodes)
    const left = liveProcessesOf(folder)
    if (left.length > 0) console.error(`processes left behind: ${left.join(', ')}`)
    rmSync(folder, { recursive: true, force: true })
  }
}

function named(nodes: readonly LocalNode[], name: string): LocalNode {
  const node = nodes.find(({ ready }) => ready.name === name)
  if (node === undefined) throw new Error(`there is no node ${name}`)
  return node
}

/** One client per node, that knows the node's address and nothing else; while its node is dead it keeps knocking. */
async function keepCalling(nodes: readonly LocalNode[], index: number, running: { on: boolean }, counts: Counts): Promise<void> {
  for (let i = 0; running.on; i++) {
    const node = nodes[index]
    if (node === undefined) return
    const tool = i % 2 === 0 ? 'lookup-b__lookup' : 'lookup-c__lookup'
    try {
      const params = { name: tool, arguments: { key: `k${i}`, n: i }, _meta: META }
      const response = await fetch(node.ready.mcp, {
        method: 'POST',
        headers: { ...HEADERS, 'mcp-name': tool },
        body: JSON.stringify({ jsonrpc: '2.0', id: i, method: 'tools/call', params }),
      })
      note(counts, (await response.json()) as Answer)
    } catch {
      // The entry node itself is dead: a client sees its connection refused or cut, as with any server.
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

interface Answer {
  result?: unknown
  error?: { message: string; data?: { code?: string } }
}

function note(counts: Counts, { result, error }: Answer): void {
  if (result !== undefined) {
    counts.answered++
    return
  }
  const code = error?.data?.code
  if (code?.startsWith('VSMCP_') === true && code !== 'VSMCP_INTERNAL') counts.refused[code] = (counts.refused[code] ?? 0) + 1
  else counts.undocumented.push(JSON.stringify(error))
}

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'soak', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}
const HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
}
