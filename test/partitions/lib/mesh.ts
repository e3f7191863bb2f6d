import { mkdtempSync } from 'node:fs'
import { cp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { type ApiClient, createApiClient, findControlSocket } from '../../../packages/api/src/index.ts'
import { type NodeStatus, operatorKeyFile } from '../../../packages/node/src/index.ts'
import { LocalNode, startMesh } from '../../../scripts/lib/local-mesh.ts'
import { Network } from '../../netns/namespaces.ts'
import { Clients } from './clients.ts'
import { HEAL_MS, MCP_PORT, P2P_PORT, PROXY_PORT } from './constants.ts'
import { compileShim, Disk } from './failing-disk.ts'
import { Ledger } from './ledger.ts'
import { SlowLink } from './slow-link.ts'
import { Watch } from './watch.ts'

export const NAMES = ['a', 'b', 'c', 'd', 'e'] as const
export type Name = (typeof NAMES)[number]

/** The node whose link can be slowed down. */
export const SLOW: Name = 'e'
/** Where a server is attached; its unit is called after the node. */
export const UNIT_HOSTS: readonly Name[] = ['a', 'c', 'e']
export const unitOf = (host: Name): string => `lookup-${host}`

const server = fileURLToPath(new URL('../../bench/call/stdio-server.ts', import.meta.url))

/** A node that is well answers in milliseconds; one that is stopped never does. */
const STATUS_TIMEOUT_MS = 1_000
const POLL_MS = 50

/** Five nodes, each on a host of its own, with clients that never cease and everything to break them. */
export class PartitionMesh {
  readonly network: Network
  readonly ledger: Ledger
  readonly watch: Watch
  readonly clients: Clients
  /** Why no disk can be made to fail here; undefined when it can. */
  readonly whyNoDisk: string | undefined
  readonly #disks: ReadonlyMap<Name, Disk>
  readonly #nodes: Map<Name, LocalNode>
  readonly #slow: SlowLink
  readonly #lives = new Map<string, number>()
  /** Killed or stopped by a signal. */
  readonly #down = new Set<string>()

  private constructor(
    network: Network,
    nodes: Map<Name, LocalNode>,
    slow: SlowLink,
    disks: Map<Name, Disk>,
    why: string | undefined,
  ) {
    this.network = network
    // The founder holds the first operator's key.
    this.ledger = new Ledger(operatorKeyFile(`${network.folder}/${NAMES[0]}`))
    this.#nodes = nodes
    this.#slow = slow
    this.#disks = disks
    this.whyNoDisk = why
    this.watch = new Watch(() => this.#look())
    this.clients = new Clients({
      entries: NAMES,
      units: UNIT_HOSTS.map(unitOf),
      socketOf: (entry) => findControlSocket(this.node(entry as Name).dataDir),
      livesOf: (entry) => this.#lives.get(entry) ?? 0,
      isUp: (entry) => !this.#down.has(entry),
    })
  }

  static async start(): Promise<PartitionMesh> {
    const network = await Network.create()
    try {
      return await assemble(network, (...parts) => new PartitionMesh(network, ...parts))
    } catch (error) {
      await network.close()
      throw error
    }
  }

  node(name: Name): LocalNode {
    const node = this.#nodes.get(name)
    if (node === undefined) throw new Error(`there is no node ${name}`)
    return node
  }

  api(name: Name, answerTimeoutMs?: number): ApiClient {
    const { dataDir } = this.node(name)
    return createApiClient({ dataDir, ...(answerTimeoutMs === undefined ? {} : { answerTimeoutMs }) })
  }

  status(name: Name): Promise<NodeStatus> {
    return this.api(name, STATUS_TIMEOUT_MS).status()
  }

  nameOf(peer: string): Name {
    const name = NAMES.find((each) => this.node(each).ready.peerId === peer)
    if (name === undefined) throw new Error(`${peer} is none of the nodes`)
    return name
  }

  /** The leader these nodes follow, once they all follow one. @returns its name and the term */
  async leaderAmong(names: readonly Name[], timeoutMs: number, not?: Name): Promise<{ leader: Name; term: number }> {
    return this.eventually(
      `${names.join(', ')} follow one leader${not === undefined ? '' : ` that is not ${not}`}`,
      timeoutMs,
      async () => {
        const all = await Promise.all(names.map((name) => this.status(name)))
        const [first] = all
        const { leader, term } = first?.system5 ?? { leader: null, term: 0 }
        if (leader === null || all.some(({ system5 }) => system5.leader !== leader || system5.term !== term)) return undefined
        const name = this.nameOf(leader)
        return name === not ? undefined : { leader: name, term }
      },
    )
  }

  /** Until everything is as it should be: all alive to all, all voters, one leader, all in step, every client answered. @returns how long it took */
  async settled(timeoutMs = HEAL_MS): Promise<{ leader: Name; term: number; tookMs: number }> {
    const started = performance.now()
    const { leader, term } = await this.eventually(
      'all nodes see all, follow one leader and are in step',
      timeoutMs,
      async () => {
        const all = await Promise.all(NAMES.map((name) => this.status(name)))
        const [first] = all
        if (first === undefined || first.system5.leader === null) return undefined
        const isOne = all.every(
          ({ system5, members }) =>
            system5.leader === first.system5.leader &&
            system5.term === first.system5.term &&
            system5.appliedIndex === first.system5.appliedIndex &&
            system5.voters.length === NAMES.length &&
            members.alive === NAMES.length,
        )
        if (!isOne || !this.clients.allAnsweredSince(started)) return undefined
        // A pair that still speaks through a third would be cut by a cut of that one.
        const lists = await Promise.all(NAMES.map((name) => this.api(name, STATUS_TIMEOUT_MS).members()))
        return lists.flat().every(({ connected, relayed }) => connected && !relayed)
          ? { leader: this.nameOf(first.system5.leader), term: first.system5.term }
          : undefined
      },
    )
    return { leader, term, tookMs: performance.now() - started }
  }

  async eventually<T>(what: string, timeoutMs: number, ask: () => Promise<T | undefined>): Promise<T> {
    const until = performance.now() + timeoutMs
    let last: unknown
    while (performance.now() < until) {
      const answer = await ask().catch((error: unknown) => {
        last = error
        return undefined
      })
      if (answer !== undefined) return answer
      await sleep(POLL_MS)
    }
    throw new Error(`not within ${timeoutMs} ms: ${what}; ${await this.#picture()}`, { cause: last })
  }

  /** SIGSTOP: the process is there and does nothing, its connections stay open. */
  pause(name: Name): void {
    this.#changes(name, true)
    process.kill(this.node(name).pid, 'SIGSTOP')
  }

  resume(name: Name): void {
    process.kill(this.node(name).pid, 'SIGCONT')
    this.#changes(name, false)
  }

  async kill(name: Name): Promise<void> {
    this.#changes(name, true)
    await this.node(name).end('SIGKILL')
  }

  /** Starts a killed node again, as it was. */
  async revive(name: Name): Promise<void> {
    const before = this.node(name)
    const node = await LocalNode.start(before.dataDir, name, argsOf(this.network, name), before.place)
    if (node.ready.peerId !== before.ready.peerId) throw new Error(`${name} came back as somebody else`)
    this.#nodes.set(name, node)
    this.#changes(name, false)
  }

  disk(name: Name): Disk {
    const disk = this.#disks.get(name)
    if (disk === undefined) throw new Error(`the disk of ${name} cannot be made to fail: ${this.whyNoDisk ?? ''}`)
    return disk
  }

  /** Bytes to and from `SLOW` are held back for so long, each way. */
  async slowDown(ms: number): Promise<void> {
    await this.#slow.delay(ms)
  }

  /** What a node says to `SLOW` is kept back, in order, until it is released. */
  async hold(from: Name): Promise<void> {
    await this.#slow.hold(this.network.addressOf(from))
  }

  async release(): Promise<void> {
    await this.#slow.release()
  }

  /** Lines of a node's log with this text. */
  async logged(name: Name, text: string): Promise<Record<string, unknown>[]> {
    const folder = `${this.node(name).dataDir}/logs`
    const files = (await readdir(folder)).filter((file) => file.startsWith('node'))
    const lines = (await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))).join('').split('\n')
    return lines.filter((line) => line.includes(text)).map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  /** Takes back every fault that may be in force. */
  async mend(): Promise<void> {
    await this.release()
    await this.network.heal()
    await this.slowDown(0)
    for (const disk of this.#disks.values()) disk.mend()
    for (const name of NAMES) {
      const { pid } = this.node(name)
      if (!this.#down.has(name)) continue
      if (pid !== 0 && isAlive(pid)) this.resume(name)
      else await this.revive(name)
    }
  }

  /** Copies the nodes' logs to a folder that stays, for whoever looks into a failure; says where. */
  async keepLogs(): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'vsmcp-partition-logs-'))
    await Promise.allSettled(NAMES.map((name) => cp(`${this.node(name).dataDir}/logs`, `${folder}/${name}`, { recursive: true })))
    console.error(`the nodes' logs are kept in ${folder}`)
  }

  async close(): Promise<void> {
    await this.watch.stop()
    await this.clients.stop()
    await this.network.close()
  }

  #changes(name: Name, isDown: boolean): void {
    this.#lives.set(name, (this.#lives.get(name) ?? 0) + 1)
    if (isDown) this.#down.add(name)
    else this.#down.delete(name)
  }

  async #look() {
    const seen = await Promise.all(
      NAMES.map(async (name) => {
        const life = this.#lives.get(name) ?? 0
        const { system5, node } = await this.status(name)
        const { leader, role, term, appliedIndex } = system5
        return this.#lives.get(name) === life || (life === 0 && !this.#lives.has(name))
          ? [{ node: name, life, leader, role, peerId: node.peerId, term, appliedIndex }]
          : []
      }).map((one) => one.catch(() => [])),
    )
    return seen.flat()
  }

  /** What every node says of itself, for whoever reads that something did not come to be. */
  async #picture(): Promise<string> {
    const lines = await Promise.all(
      NAMES.map((name) =>
        this.status(name).then(
          ({ system5, members, problems }) => {
            const leader = system5.leader === null ? '-' : this.nameOf(system5.leader)
            return `${name}: leader ${leader}, term ${system5.term}, applied ${system5.appliedIndex}, voters ${system5.voters.length}, alive ${members.alive} ${problems.join(' ')}`
          },
          (error: unknown) => `${name}: ${String(error)}`,
        ),
      ),
    )
    return lines.join('; ')
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function argsOf(network: Network, name: Name): string[] {
  const address = `/ip4/${network.addressOf(name)}/tcp`
  const door = name === SLOW ? ['--advertise', `${address}/${PROXY_PORT}`] : []
  return ['--listen', `${address}/${P2P_PORT}`, ...door, '--http', `127.0.0.1:${MCP_PORT}`]
}

type Made = [nodes: Map<Name, LocalNode>, slow: SlowLink, disks: Map<Name, Disk>, why: string | undefined]

async function assemble(network: Network, make: (...made: Made) => PartitionMesh): Promise<PartitionMesh> {
  await network.addLan('lan')
  await Promise.all(
    NAMES.map(async (name, index) => {
      await network.addHost(name)
      await network.plug(name, 'lan', `10.77.0.${index + 1}/24`)
    }),
  )
  const shim = await compileShim(network.folder)
  const disks = new Map<Name, Disk>()
  if ('library' in shim) for (const name of NAMES) disks.set(name, new Disk(shim.library, `${network.folder}/${name}`))
  const slow = await SlowLink.start(network, SLOW)
  const started = await startMesh(
    network.folder,
    NAMES,
    (index) => argsOf(network, NAMES[index] ?? 'a'),
    (index) => {
      const name = NAMES[index] ?? 'a'
      return { prefix: network.at(name), env: disks.get(name)?.env ?? {} }
    },
  )
  const nodes = new Map(NAMES.map((name) => [name, started.find(({ ready }) => ready.name === name)] as const).filter(isThere))
  await SlowLink.close(network, SLOW)
  for (const host of UNIT_HOSTS) await nodes.get(host)?.vsmcp('attach', unitOf(host), '--', process.execPath, server)
  const tools = UNIT_HOSTS.flatMap((host) => ['--tool', `${unitOf(host)}__lookup`])
  await Promise.all(started.map((node) => node.vsmcp('wait', '--members', String(NAMES.length), ...tools, '--timeout', '30s')))
  return make(nodes, slow, disks, 'why' in shim ? shim.why : undefined)
}

function isThere(pair: readonly [Name, LocalNode | undefined]): pair is readonly [Name, LocalNode] {
  return pair[1] !== undefined
}
