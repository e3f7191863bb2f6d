import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { createInterface } from 'node:readline'

import { distDir } from './paths.ts'
import { run } from './run.ts'

/** The line that `vsmcp up --json` prints once the node serves. */
export interface ReadyLine {
  ready: true
  peerId: string
  name: string
  /** Address of its MCP endpoint. */
  mcp: string
  /** Multiaddrs. */
  listen: string[]
}

/** The `vsmcp` command as built: what a person would run, minus their PATH. */
const COMMAND = `${distDir}bin/vsmcp.cjs`

/** A node must serve within this, or the run is given up. */
const READY_TIMEOUT_MS = 30_000

/** Where and how a node and its commands run, when it is not plainly on this machine. */
export interface Place {
  /** Put before each command line: what runs it in another network namespace, say. It must become the command (`exec`). */
  prefix?: readonly string[]
  /** Added to the node's environment. */
  env?: Readonly<Record<string, string>>
}

/** Runs a short `vsmcp` command against a data directory. @returns its `--json` answer; throws with its stderr otherwise */
export async function vsmcp(dataDir: string, ...args: string[]): Promise<unknown> {
  return vsmcpAt({}, dataDir, ...args)
}

/** The same at another place. */
export async function vsmcpAt({ prefix = [] }: Place, dataDir: string, ...args: string[]): Promise<unknown> {
  const env = { ...process.env, VSMCP_DATA_DIR: dataDir, NODE_ENV: 'production' }
  // What follows `--` belongs to the attached server.
  const dashes = args.indexOf('--')
  const [own, rest] = dashes < 0 ? [args, []] : [args.slice(0, dashes), args.slice(dashes)]
  const [program = process.execPath, ...line] = [...prefix, process.execPath, '--', COMMAND, ...own, '--json', ...rest]
  const result = await run(program, line, { env, timeoutMs: 120_000 })
  if (result.code !== 0)
    throw new Error(`vsmcp ${args.join(' ')} ended with ${result.code ?? 'a signal'}: ${result.stderr.trim()}`)
  return result.stdout.trim() === '' ? undefined : JSON.parse(result.stdout)
}

/** One node process of this machine, run in the foreground as `vsmcp up` would be in a terminal. */
export class LocalNode {
  readonly dataDir: string
  readonly ready: ReadyLine
  /** From the start of the process to its ready line. */
  readonly readyMs: number
  readonly place: Place
  readonly #child: ChildProcess

  private constructor(dataDir: string, place: Place, child: ChildProcess, ready: ReadyLine, readyMs: number) {
    this.place = place
    this.dataDir = dataDir
    this.ready = ready
    this.readyMs = readyMs
    this.#child = child
  }

  /** `vsmcp up` on a data directory that is enrolled; ports are the system's choice unless `args` say otherwise. */
  static async start(dataDir: string, name: string, args: readonly string[] = [], place: Place = {}): Promise<LocalNode> {
    const env = { ...process.env, VSMCP_DATA_DIR: dataDir, NODE_ENV: 'production', ...place.env }
    const ports = ['--listen', '/ip4/127.0.0.1/tcp/0', '--http', '127.0.0.1:0']
    const started = performance.now()
    const up = ['up', '--json', '--name', name, ...(args.length > 0 ? args : ports)]
    const [program = process.execPath, ...rest] = [...(place.prefix ?? []), process.execPath, '--', COMMAND, ...up]
    const child = spawn(program, rest, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C in the terminal is for whoever runs the mesh, and that one stops it in order.
      detached: true,
    })
    let errors = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4_000)))
    const { promise, resolve, reject } = Promise.withResolvers<ReadyLine>()
    const timer = setTimeout(
      () => reject(new Error(`${name} was not ready within ${READY_TIMEOUT_MS} ms: ${errors}`)),
      READY_TIMEOUT_MS,
    )
    child.once('error', reject)
    child.once('exit', (code, signal) => reject(new Error(`${name} ended with ${code ?? signal ?? '?'}: ${errors}`)))
    createInterface(child.stdout).on('line', (line) => {
      const parsed = line.startsWith('{') ? (JSON.parse(line) as Partial<ReadyLine>) : {}
      if (parsed.ready === true) resolve(parsed as ReadyLine)
    })
    try {
      const ready = await promise
      return new LocalNode(dataDir, place, child, ready, performance.now() - started)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Arguments of `up` that bring it back at the addresses and the MCP port it has now. */
  get sameAddresses(): string[] {
    const { listen, mcp } = this.ready
    const bare = listen.map((address) => address.replace(/\/p2p\/.*$/, ''))
    return [...bare.flatMap((address) => ['--listen', address]), '--http', new URL(mcp).host]
  }

  /** Runs a command of a person against this node. */
  async vsmcp(...args: string[]): Promise<unknown> {
    return vsmcpAt(this.place, this.dataDir, ...args)
  }

  /** A function that asks this node's status straight over its control socket, for measuring what a new process would blur. */
  watchStatus(): () => Promise<unknown> {
    const { socketPath } = JSON.parse(readFileSync(`${this.dataDir}/running.json`, 'utf8')) as { socketPath: string }
    return async () => {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      const asked = request({ socketPath, path: '/v1/status' }, (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (text: string) => (body += text))
        response.once('end', () => resolve(JSON.parse(body)))
      })
      asked.once('error', reject)
      asked.end()
      return promise
    }
  }

  /** Ends the process: SIGTERM for an orderly stop, SIGKILL for a crash. Resolves when it is gone. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill(signal)
    await gone
  }
}

/**
 * A mesh of real node processes on loopback, made by init, invite, join and up as a person would.
 * @param folder where the data directories go, one for each name
 * @param argsOf arguments of `up` for each node; by default ports of the system's choice
 * @param placeOf where each node runs; by default on this machine
 */
export async function startMesh(
  folder: string,
  names: readonly string[],
  argsOf: (index: number) => readonly string[] = () => [],
  placeOf: (index: number) => Place = () => ({}),
): Promise<LocalNode[]> {
  const [first = 'a', ...others] = names
  const nodes: LocalNode[] = []
  try {
    await vsmcp(`${folder}/${first}`, 'init', '--name', 'local')
    const founder = await LocalNode.start(`${folder}/${first}`, first, argsOf(0), placeOf(0))
    nodes.push(founder)
    if (others.length > 0) {
      const { token } = (await founder.vsmcp('invite', '--uses', String(others.length))) as { token: string }
      const started = await Promise.allSettled(
        others.map(async (name, index) => {
          const place = placeOf(index + 1)
          await vsmcpAt(place, `${folder}/${name}`, 'join', token)
          return LocalNode.start(`${folder}/${name}`, name, argsOf(index + 1), place)
        }),
      )
      for (const outcome of started) if (outcome.status === 'fulfilled') nodes.push(outcome.value)
      for (const outcome of started) if (outcome.status === 'rejected') throw outcome.reason
    }
    const size = String(names.length)
    await Promise.all(nodes.map((node) => node.vsmcp('wait', '--members', size, '--leader', '--timeout', '30s')))
    return nodes
  } catch (error) {
    await stopMesh(nodes)
    throw error
  }
}

export async function stopMesh(nodes: readonly LocalNode[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.end('SIGTERM')))
}
