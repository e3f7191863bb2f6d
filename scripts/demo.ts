import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { LocalNode, startMesh, stopMesh } from './lib/local-mesh.ts'
import { root } from './lib/paths.ts'
import { endProcessesOf } from './lib/processes-of.ts'

const NAMES = ['harbour', 'mill', 'quarry'] as const

/** First choice of the MCP ports, so that a client's configuration stays good from run to run. */
const MCP_PORTS = [4951, 4952, 4953]

/** Real, unmodified MCP servers from npm, one for each node. */
const SERVERS = [
  { unit: 'everything', entry: 'server-everything/dist/index.js', args: () => ['stdio'] },
  { unit: 'files', entry: 'server-filesystem/dist/index.js', args: (folder: string) => [join(folder, 'sample')] },
  { unit: 'memory', entry: 'server-memory/dist/index.js', args: () => [] },
] as const

interface Status {
  mesh: { name: string; id: string }
  mcp: string
  system5: {
    leader: string | null
    leaderName: string | null
    since: string | null
    term: number
    voters: string[]
    failuresTolerated: number
  }
}
interface Member {
  peerId: string
  name: string
  state: string
  leader: boolean
  voter: boolean
  units: string[]
}
interface Tool {
  name: string
  unit: string
  nodeName: string
}
interface Call {
  result: { content?: { text?: string }[] }
  isError: boolean
  nodeName: string
  latencyMs: number
}

const started = performance.now()

function say(text: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(5)
  console.log(`${seconds} s  ${text}`)
}

function fail(text: string): never {
  throw new Error(text)
}

/** The preferred port when it is free, else one the system chooses. */
async function freePort(preferred: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const probe = createServer()
  probe.once('error', () => resolve(0))
  probe.listen(preferred, '127.0.0.1', () => probe.close(() => resolve(preferred)))
  return promise
}

async function until<T>(what: string, look: () => Promise<T | undefined>, timeoutMs = 20_000): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > deadline) fail(`not within ${timeoutMs / 1000} s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function statusOf(node: LocalNode): Promise<Status> {
  return (await node.vsmcp('status')) as Status
}

/** Reads a file of the sample folder: enters at one node, answered by the file server of another. */
async function readSample(entry: LocalNode, folder: string): Promise<Call> {
  const args = JSON.stringify({ path: join(folder, 'sample', 'hello.txt') })
  const call = (await entry.vsmcp('call', 'read_text_file', '--args', args)) as Call
  if (call.isError || call.result.content?.[0]?.text?.includes('viable') !== true)
    fail(`the call was answered wrongly: ${JSON.stringify(call)}`)
  return call
}

async function attachServers(nodes: readonly LocalNode[], folder: string): Promise<void> {
  mkdirSync(join(folder, 'sample'))
  writeFileSync(join(folder, 'sample', 'hello.txt'), 'A viable system is one that can keep its identity in a changing world.\n')
  await Promise.all(
    SERVERS.map(async ({ unit, entry, args }, index) => {
      const node = nodes[index] ?? fail('a node is missing')
      const server = join(root, 'node_modules/@modelcontextprotocol', entry)
      await node.vsmcp('attach', unit, '--', process.execPath, server, ...args(folder))
      say(`attached ${unit} to ${node.ready.name}`)
    }),
  )
}

async function picture(entry: LocalNode, call: Call): Promise<void> {
  const status = await statusOf(entry)
  const members = (await entry.vsmcp('members')) as Member[]
  const tools = (await entry.vsmcp('tools')) as Tool[]
  const { system5 } = status
  const lines = ['', `  mesh ${status.mesh.name} (${status.mesh.id.slice(0, 8)}…)`, '', '  members']
  for (const member of members) {
    const part = member.leader ? 'System 5' : member.voter ? 'voter' : 'learner'
    lines.push(
      `    ${member.name.padEnd(9)} ${member.state.padEnd(8)} ${part.padEnd(9)} runs ${member.units.join(', ') || 'nothing'}`,
    )
  }
  lines.push(
    '',
    `  System 5   ${system5.leaderName ?? 'nobody'}, term ${system5.term}, since ${system5.since ?? '?'}, ${system5.failuresTolerated} failure(s) tolerated`,
  )
  lines.push('', '  tools')
  for (const { unit } of SERVERS) {
    const own = tools.filter((tool) => tool.unit === unit)
    const names = own.slice(0, 5).map(({ name }) => name)
    lines.push(
      `    ${unit.padEnd(11)} on ${(own[0]?.nodeName ?? '?').padEnd(9)} ${own.length} tools: ${names.join(', ')}${own.length > 5 ? ', …' : ''}`,
    )
  }
  lines.push(
    '',
    `  call       read_text_file, asked at ${entry.ready.name}, answered on ${call.nodeName} in ${call.latencyMs.toFixed(1)} ms`,
  )
  lines.push('', `  MCP        ${entry.ready.mcp}`, '  paste into an MCP client:', '')
  const config = JSON.stringify({ mcpServers: { vsmcp: { type: 'http', url: entry.ready.mcp } } }, null, 2)
  lines.push(...config.split('\n').map((line) => `    ${line}`), '')
  console.log(lines.join('\n'))
}

/** Kills System 5, shows the next one, repeats the call, brings the killed node back. */
async function failover(nodes: LocalNode[], folder: string): Promise<void> {
  const first = nodes[0] ?? fail('no nodes')
  const { system5 } = await statusOf(first)
  const index = nodes.findIndex(({ ready }) => ready.peerId === system5.leader)
  const leader = nodes[index] ?? fail('the leader is none of the nodes')
  const survivors = nodes.filter((node) => node !== leader)
  const [witness] = survivors
  if (witness === undefined) fail('nobody survives')
  say(`killing System 5, ${leader.ready.name}, with SIGKILL`)
  const watch = witness.watchStatus()
  const killed = performance.now()
  await leader.end('SIGKILL')
  const next = await until('a new System 5', async () => {
    const now = (await watch()) as Status
    return now.system5.leader !== null && now.system5.leader !== leader.ready.peerId && now.system5.term > system5.term
      ? now
      : undefined
  })
  say(`new System 5: ${next.system5.leaderName}, term ${next.system5.term}, after ${Math.round(performance.now() - killed)} ms`)

  const files = nodes[1] ?? fail('no second node')
  const restart = async (): Promise<void> => {
    nodes[index] = await LocalNode.start(leader.dataDir, leader.ready.name, leader.sameAddresses)
    await witness.vsmcp('wait', '--members', String(nodes.length), '--leader', '--timeout', '30s')
    say(
      `${leader.ready.name} is back under the same identity: ${nodes[index]?.ready.peerId === leader.ready.peerId ? 'yes' : fail('no, another one')}`,
    )
  }
  if (files === leader) {
    say('the file server was on the killed node, so its call has to wait for it')
    await restart()
    await witness.vsmcp('wait', '--tool', 'read_text_file', '--timeout', '30s')
  }
  const entry = survivors.find((node) => node !== files) ?? witness
  const call = await readSample(entry, folder)
  say(`the same call, asked at ${entry.ready.name}: answered on ${call.nodeName} in ${call.latencyMs.toFixed(1)} ms`)
  if (files !== leader) await restart()
  const members = (await witness.vsmcp('members')) as Member[]
  for (const { name, state, leader: leads } of members) say(`  ${name}: ${state}${leads ? ', System 5' : ''}`)
}

async function run(nodes: LocalNode[], folder: string, once: boolean): Promise<void> {
  const entry = nodes[0] ?? fail('no nodes')
  for (const { ready } of nodes) say(`${ready.name} is up: ${ready.peerId}`)
  await until('three voters', async () => ((await statusOf(entry)).system5.voters.length === 3 ? true : undefined))
  say('all three vote: one may fail')
  await attachServers(nodes, folder)
  for (const tool of ['echo', 'read_text_file', 'read_graph']) await entry.vsmcp('wait', '--tool', tool, '--timeout', '20s')
  await picture(entry, await readSample(entry, folder))
  if (once) {
    await failover(nodes, folder)
    return
  }
  console.log('  Up until Ctrl-C.\n')
  await new Promise<void>(() => {})
}

/** The main job of `npm start`. @returns the exit code */
export async function demo(args: readonly string[]): Promise<number> {
  const unknown = args.filter((arg) => arg !== '--once')
  if (unknown.length > 0) {
    console.error(`vsmcp: unknown argument ${unknown.join(' ')}; there is --once: kill the leader, show the failover, and exit`)
    return 2
  }
  const folder = mkdtempSync(join(tmpdir(), 'vsmcp-demo-'))
  const interrupted = Promise.withResolvers<void>()
  const kept = setInterval(() => {}, 60_000)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupted.resolve())
  const nodes: LocalNode[] = []
  const work = async (): Promise<void> => {
    say(`making a mesh of three nodes: init, invite, join, up (data in ${folder})`)
    const ports = await Promise.all(MCP_PORTS.map(freePort))
    const argsOf = (index: number): string[] => ['--listen', '/ip4/127.0.0.1/tcp/0', '--http', `127.0.0.1:${ports[index] ?? 0}`]
    nodes.push(...(await startMesh(folder, NAMES, argsOf)))
    await run(nodes, folder, args.includes('--once'))
  }
  try {
    await Promise.race([work(), interrupted.promise])
    return 0
  } catch (error) {
    console.error(`vsmcp: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  } finally {
    say('stopping')
    await stopMesh(nodes)
    // Interrupted while the mesh was being made, there are nodes that are not in the list yet.
    await endProcessesOf(folder)
    clearInterval(kept)
    rmSync(folder, { recursive: true, force: true })
    say('stopped; no process left behind')
  }
}
