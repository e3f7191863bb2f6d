import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { onTestFinished } from 'vitest'

import { LocalNode, startMesh, stopMesh, vsmcp } from '../../../scripts/lib/local-mesh.ts'
import { distDir } from '../../../scripts/lib/paths.ts'
import { run, type RunResult } from '../../../scripts/lib/run.ts'

/** Runs the command as built, whatever comes out of it. */
export async function command(dataDir: string, ...args: string[]): Promise<RunResult> {
  const env = { ...process.env, VSMCP_DATA_DIR: dataDir, NODE_ENV: 'production' }
  return run(process.execPath, ['--', `${distDir}bin/vsmcp.cjs`, ...args], { env, timeoutMs: 60_000 })
}

export interface CommandError {
  code: string
  message: string
  hint?: string
  details?: Record<string, unknown>
}

/** Runs a command that must fail. @returns its exit code and what it said by `--json` */
export async function failure(dataDir: string, ...args: string[]): Promise<{ exit: number | null; error: CommandError }> {
  const dashes = args.indexOf('--')
  const [own, rest] = dashes < 0 ? [args, []] : [args.slice(0, dashes), args.slice(dashes)]
  const { code, stderr, stdout } = await command(dataDir, ...own, '--json', ...rest)
  const line = stderr.split('\n').findLast((text) => text.startsWith('{"error"'))
  if (code === 0 || line === undefined)
    throw new Error(`${args.join(' ')} should fail; exit ${code}, stdout ${stdout}, stderr ${stderr}`)
  return { exit: code, error: (JSON.parse(line) as { error: CommandError }).error }
}

/** A folder that goes with the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'vsmcp-e2e-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }))
  return path
}

/** A mesh of real processes that ends with the test. */
export async function meshOf(...names: string[]): Promise<{ nodes: LocalNode[]; dir: string }> {
  const dir = folder()
  const nodes = await startMesh(dir, names)
  onTestFinished(() => stopMesh(nodes))
  return { nodes, dir }
}

/** Nodes that come one by one, in directories of one folder; they end with the test. */
export function nodesIn(dir: string): {
  nodes: LocalNode[]
  start: (name: string, args?: string[]) => Promise<LocalNode>
  /** By one invitation of a member of the group. */
  into: (member: LocalNode, group: string, ...names: string[]) => Promise<LocalNode[]>
} {
  const nodes: LocalNode[] = []
  onTestFinished(() => stopMesh(nodes))
  const start = async (name: string, args: string[] = []): Promise<LocalNode> => {
    const node = await LocalNode.start(`${dir}/${name}`, name, args)
    nodes.push(node)
    return node
  }
  const into = async (member: LocalNode, group: string, ...names: string[]): Promise<LocalNode[]> => {
    const { token } = (await member.vsmcp('invite', '--group', group, '--uses', String(names.length))) as { token: string }
    return Promise.all(names.map((name) => vsmcp(`${dir}/${name}`, 'join', token).then(() => start(name))))
  }
  return { nodes, start, into }
}

/** Asks until the tool, which echoes, is answered from there. */
export function echoes(node: LocalNode, tool: string, text: string): Promise<true> {
  return eventually(`${node.ready.name} to have ${tool} answered`, async () =>
    (await echo(node, tool, text).catch(() => '')).includes(text) ? true : undefined,
  )
}

/** The answer of a tool that echoes. */
export async function echo(node: LocalNode, tool: string, text: string): Promise<string> {
  return JSON.stringify(await node.vsmcp('call', tool, '--args', JSON.stringify({ message: text }), '--timeout', '10s'))
}

export function nth<T>(list: readonly T[], index: number): T {
  const item = list[index]
  if (item === undefined) throw new Error(`there is no number ${index} of ${list.length}`)
  return item
}

/** Asks again and again until the answer is there; the only waiting there is for what has no event. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>, timeoutMs = 20_000): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    // As soon as anybody would notice, and without taking the processor from what is waited for.
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const server = (name: string): string =>
  fileURLToPath(new URL(`../../../node_modules/@modelcontextprotocol/${name}/dist/index.js`, import.meta.url))

/** Command lines of the real servers from npm. */
export const everything = [process.execPath, server('server-everything'), 'stdio']
export const memory = [process.execPath, server('server-memory')]

export interface Status {
  node: { peerId: string; pid: number }
  system5: {
    leader: string | null
    epoch: number
    term: number
    voters: string[]
    appliedIndex: number
    failuresTolerated: number
  }
  members: { known: number; alive: number }
  problems: string[]
  health: string
}

export async function statusOf(node: LocalNode): Promise<Status> {
  return (await node.watchStatus()()) as Status
}

export { LocalNode, startMesh, stopMesh, vsmcp }
