/**
 * Hosts and networks of their own on one machine: network namespaces, joined by veth pairs and bridges, with nftables rules
 * between them. Everything is made inside namespaces, nothing in the machine's own network; so with the namespaces all is gone.
 */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { ensureCommands, findCommand } from '../../scripts/lib/debian-packages.ts'
import { run, type RunOptions, type RunResult } from '../../scripts/lib/run.ts'

const janitorScript = fileURLToPath(new URL('janitor.sh', import.meta.url))

/** Where `ip netns` keeps names. */
const NAMES_FOLDER = '/run/netns'
const NAME = /^vsmcp-(\d+)-(\d+)-[0-9a-f]{8}-/

/** A root shell may have a PATH without the folders where `ip` and `nft` are. */
const SYSTEM_PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/bin:/sbin:/bin`

/** A single `ip` or `nft` takes milliseconds; one that hangs must not hang the tests. */
const COMMAND_TIMEOUT_MS = 20_000

/** What a host does not hear: the addresses in `deaf` are dropped as they come in. Forwarding is left alone. */
const RULES = `table inet vsmcp {
  set deaf { type ipv4_addr; }
  chain input { type filter hook input priority 0; policy accept; ip saddr @deaf drop; }
}
`

/**
 * Makes ready what namespaces need: root on Linux, and Debian's `iproute2` and `nftables`, installed when missing.
 * @returns why there can be none here, or undefined when there can
 */
export async function whyNoNamespaces(say?: (line: string) => void): Promise<string | undefined> {
  if (process.platform !== 'linux') return `network namespaces are Linux's; this is ${process.platform}`
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const missing = await ensureCommands({ ip: 'iproute2', nft: 'nftables' }, say)
  if (missing !== undefined) return missing
  const probe = `vsmcp-${process.pid}-${startTicks(process.pid) ?? 0}-${randomBytes(4).toString('hex')}-probe`
  const { code, stderr } = await run(ipCommand(), ['netns', 'add', probe])
  if (code !== 0) return `this machine makes no network namespaces: ${stderr.trim()}`
  const rules = await runWithInput(ipCommand(), ['netns', 'exec', probe, nftCommand(), '-f', '-'], RULES)
  await run(ipCommand(), ['netns', 'del', probe])
  return rules.code === 0 ? undefined : `this kernel has no nftables: ${rules.stderr.trim()}`
}

/** Hosts of one test, each a network namespace, and the local networks that join them. */
export class Network {
  /** A folder that goes with the network, however this process ends: data directories, programs compiled for the test. */
  readonly folder: string
  readonly #prefix: string
  readonly #janitor: ChildProcess
  /** IPv4 addresses by host. */
  readonly #addresses = new Map<string, string[]>()
  #closing: Promise<void> | undefined

  private constructor(prefix: string, folder: string, janitor: ChildProcess) {
    this.#prefix = prefix
    this.folder = folder
    this.#janitor = janitor
  }

  /** An empty network. What dead processes left of theirs is swept first. */
  static async create(): Promise<Network> {
    await sweepOrphans()
    const prefix = `vsmcp-${process.pid}-${startTicks(process.pid) ?? 0}-${randomBytes(4).toString('hex')}-`
    const folder = join(tmpdir(), prefix.slice(0, -1))
    mkdirSync(folder, { mode: 0o700 })
    return new Network(prefix, folder, startJanitor(prefix, folder))
  }

  /** A host: a namespace with nothing in it but its loopback. */
  async addHost(host: string): Promise<void> {
    const namespace = this.namespaceOf(host)
    this.#addresses.set(host, [])
    await must(ipCommand(), ['netns', 'add', namespace])
    // Rules here are by IPv4 address: nothing may find its way around them.
    await this.must(host, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null || true')
    await must(ipCommand(), ['-n', namespace, 'link', 'set', 'lo', 'up'])
    await this.nft(host, RULES)
  }

  /** A local network: a bridge in a namespace of its own, into which hosts are plugged. */
  async addLan(lan: string): Promise<void> {
    const namespace = this.namespaceOf(lan)
    await must(ipCommand(), ['netns', 'add', namespace])
    await must(ipCommand(), ['-n', namespace, 'link', 'add', 'bridge', 'type', 'bridge'])
    await must(ipCommand(), ['-n', namespace, 'link', 'set', 'bridge', 'up'])
  }

  /**
   * A cable between a host and a local network; at the host the interface is named after the network.
   * @param address with its prefix length: `10.77.0.2/24`
   */
  async plug(host: string, lan: string, address: string): Promise<void> {
    const [at, hub] = [this.namespaceOf(host), this.namespaceOf(lan)]
    const veth = ['link', 'add', lan, 'netns', at, 'type', 'veth', 'peer', 'name', host, 'netns', hub]
    await must(ipCommand(), veth)
    await must(ipCommand(), ['-n', hub, 'link', 'set', 'dev', host, 'master', 'bridge', 'up'])
    await must(ipCommand(), ['-n', at, 'address', 'add', address, 'dev', lan])
    await must(ipCommand(), ['-n', at, 'link', 'set', 'dev', lan, 'up'])
    this.#addresses.get(host)?.push(address.replace(/\/.*$/, ''))
  }

  /** The first address of a host. */
  addressOf(host: string): string {
    const [first] = this.#addressesOf(host)
    if (first === undefined) throw new Error(`host ${host} is not plugged in anywhere`)
    return first
  }

  namespaceOf(name: string): string {
    return `${this.#prefix}${name}`
  }

  /** What to put before a command line so that it runs at the host; the process it starts is the command itself. */
  at(host: string): [string, ...string[]] {
    return [ipCommand(), 'netns', 'exec', this.namespaceOf(host)]
  }

  /** Runs a program at a host to its end. */
  async exec(host: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const [command, ...rest] = [...this.at(host), ...args]
    return run(command, rest, options)
  }

  /** Runs a program at a host; throws with its stderr when it fails. */
  async must(host: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.exec(host, args, { timeoutMs: COMMAND_TIMEOUT_MS })
    if (code !== 0) throw new Error(`${host}: ${args.join(' ')} ended with ${code ?? 'a signal'}: ${stderr.trim()}`)
    return stdout
  }

  /** Starts a program at a host; it is killed with the network at the latest. */
  spawn(host: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    const [command, ...rest] = [...this.at(host), ...args]
    return spawn(command, rest, options)
  }

  /** Loads nftables rules at a host. */
  async nft(host: string, rules: string): Promise<void> {
    const [command, ...rest] = [...this.at(host), nftCommand(), '-f', '-'] as const
    const { code, stderr } = await runWithInput(command, rest, rules)
    if (code !== 0) throw new Error(`nft at ${host}: ${stderr.trim()}`)
  }

  /** From now on nothing of `from` reaches `to`; the other way is open as before. Silently: no reset, no ICMP. */
  async block(from: string, to: string): Promise<void> {
    await this.nft(
      to,
      this.#addressesOf(from)
        .map((address) => `add element inet vsmcp deaf { ${address} }\n`)
        .join(''),
    )
  }

  async unblock(from: string, to: string): Promise<void> {
    // Adding what is there already is no error, and then there is something to delete.
    const lines = this.#addressesOf(from).map(
      (one) => `add element inet vsmcp deaf { ${one} }\ndelete element inet vsmcp deaf { ${one} }\n`,
    )
    await this.nft(to, lines.join(''))
  }

  /** Cuts every path between hosts of the one side and hosts of the other, both ways, silently. */
  async part(side: readonly string[], other: readonly string[]): Promise<void> {
    const deaf = (hosts: readonly string[]): string =>
      `add element inet vsmcp deaf { ${hosts.flatMap((host) => this.#addressesOf(host)).join(', ')} }\n`
    await Promise.all([...side.map((host) => this.nft(host, deaf(other))), ...other.map((host) => this.nft(host, deaf(side)))])
  }

  /** Every host hears every other again. */
  async heal(): Promise<void> {
    await Promise.all([...this.#addresses.keys()].map((host) => this.nft(host, 'flush set inet vsmcp deaf\n')))
  }

  /** Ends every process at its hosts and removes namespaces and folder. Resolves when nothing is left; throws when something is. */
  async close(): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    const gone = once(this.#janitor, 'exit') as Promise<[number | null]>
    this.#janitor.ref()
    this.#janitor.stdin?.end('close\n')
    const [code] = await gone
    if (code !== 0) throw new Error(`namespaces ${this.#prefix}* could not be removed`)
  }

  #addressesOf(host: string): readonly string[] {
    const found = this.#addresses.get(host)
    if (found === undefined) throw new Error(`there is no host ${host}`)
    return found
  }
}

const ipCommand = (): string => findCommand('ip') ?? 'ip'
const nftCommand = (): string => findCommand('nft') ?? 'nft'

function startJanitor(prefix: string, folder: string): ChildProcess {
  const janitor = spawn('sh', [janitorScript, prefix, folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...process.env, PATH: SYSTEM_PATH },
    // Ctrl-C and whoever ends our process group must not reach it.
    detached: true,
  })
  janitor.unref()
  return janitor
}

/** Namespaces and folders whose maker is dead, and whose janitor died with it. */
async function sweepOrphans(): Promise<void> {
  const names = [...list(NAMES_FOLDER), ...list(tmpdir()).map((name) => `${name}-`)]
  const prefixes = new Set(
    names
      .map((name) => NAME.exec(name))
      .filter((match) => match !== null && isOrphan(match))
      .map((match) => match?.[0] ?? ''),
  )
  for (const prefix of prefixes) {
    const janitor = startJanitor(prefix, join(tmpdir(), prefix.slice(0, -1)))
    const gone = once(janitor, 'exit')
    janitor.stdin?.end('close\n')
    await gone
  }
}

function isOrphan([, pid, ticks]: RegExpExecArray): boolean {
  return startTicks(Number(pid)) !== Number(ticks)
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}

/** When a process started, in clock ticks since boot: with the pid it names a process for as long as the machine is up. */
function startTicks(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
  } catch {
    return undefined
  }
}

async function must(command: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await run(command, args, { timeoutMs: COMMAND_TIMEOUT_MS })
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr.trim()}`)
}

async function runWithInput(
  command: string,
  args: readonly string[],
  input: string,
): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'], timeout: COMMAND_TIMEOUT_MS, killSignal: 'SIGKILL' })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stderr }
}
