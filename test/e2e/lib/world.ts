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
