import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Duplex } from 'node:stream'

import { run } from '../../../scripts/lib/run.ts'
import { eventually } from '../failover/cluster.ts'
import type { Seen } from './group.ts'

/** A dependency of the node's, not of the repository's. */
const { pack, UnpackrStream } = createRequire(new URL('../../../packages/node/package.json', import.meta.url))('msgpackr') as {
  pack: (value: unknown) => Buffer
  UnpackrStream: new (options: object) => Duplex
}

/** Where Serf is, if this machine has it (Debian: `apt-get install serf`). */
export function findSerf(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/bin', '/usr/local/bin']
  return folders.map((folder) => `${folder}/serf`).find((path) => existsSync(path))
}

/** As the package says; the command of Debian's names another version than it was built from. */
export async function serfVersion(command: string): Promise<string> {
  const packaged = await run('dpkg-query', ['-W', '-f', '${Version}', 'serf']).catch(() => undefined)
  if (packaged?.code === 0) return packaged.stdout.trim()
  const { stdout } = await run(command, ['version'])
  return /\d+\.\d+\S*/.exec(stdout)?.[0] ?? 'of unknown version'
}

/** The commands whose answer has a body. */
const WITH_BODY = new Set(['members', 'join'])

/** One `serf agent` with its defaults, and a connection to its RPC port. */
export class SerfAgent {
  readonly name: string
  readonly address: string
  /** Members it has declared failed. */
  readonly verdicts: string[] = []
  readonly #command: string
  readonly #rpcPort: number
  #child: ChildProcess
  #socket: Socket | undefined
  #waiting: { command: string; resolve: (body: unknown) => void; reject: (error: Error) => void }[] = []
  #sequence = 0

  constructor(command: string, name: string, port: number, rpcPort: number) {
    this.#command = command
    this.name = name
    this.address = `127.0.0.1:${port}`
    this.#rpcPort = rpcPort
    this.#child = this.#spawn()
  }

  #spawn(): ChildProcess {
    const rpc = `-rpc-addr=127.0.0.1:${this.#rpcPort}`
    const child = spawn(this.#command, ['agent', `-node=${this.name}`, `-bind=${this.address}`, rpc], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    createInterface(child.stdout).on('line', (line) => {
      const failed = /EventMemberFailed: (\S+)/.exec(line)?.[1]
      if (failed !== undefined) this.verdicts.push(`${this.name}: ${failed}`)
    })
    return child
  }

  async ready(): Promise<void> {
    await eventually(`the RPC port of ${this.name}`, async () => {
      await this.#connect()
      return true
    })
  }

  async restart(): Promise<void> {
    await this.end()
    this.#child = this.#spawn()
    await this.ready()
  }

  async members(): Promise<ReadonlyMap<string, Seen>> {
    const { Members: members } = (await this.#ask('members')) as {
      Members: { Name: string; Status: Seen | 'leaving' | 'none' }[]
    }
    return new Map(
      members.map(({ Name, Status }): [string, Seen] => [Name, Status === 'leaving' || Status === 'none' ? 'suspect' : Status]),
    )
  }

  async join(address: string): Promise<void> {
    await this.#ask('join', { Existing: [address], Replay: false })
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async end(): Promise<void> {
    this.#socket?.destroy()
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  async #connect(): Promise<void> {
    const socket = connect(this.#rpcPort, '127.0.0.1')
    await once(socket, 'connect')
    this.#socket = socket
    this.#waiting = []
    const answers = socket.pipe(new UnpackrStream({ useRecords: false }))
    let header: { Error: string } | undefined
    answers.on('data', (value: unknown) => {
      const [first] = this.#waiting
      if (first === undefined) return
      if (header === undefined && WITH_BODY.has(first.command) && (value as { Error: string }).Error === '') {
        header = value as { Error: string }
        return
      }
      this.#waiting.shift()
      const error = header === undefined ? (value as { Error: string }).Error : ''
      header = undefined
      if (error === '') first.resolve(value)
      else first.reject(new Error(`${this.name}: ${first.command}: ${error}`))
    })
    const lost = (): void => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`the connection to ${this.name} is gone`))
    }
    socket.on('error', lost)
    socket.on('close', lost)
    await this.#ask('handshake', { Version: 1 })
  }

  async #ask(command: string, body?: object): Promise<unknown> {
    const socket = this.#socket
    if (socket === undefined || socket.destroyed) throw new Error(`${this.name} is not connected`)
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#waiting.push({ command, resolve, reject })
    socket.write(pack({ Command: command, Seq: this.#sequence++ }))
    if (body !== undefined) socket.write(pack(body))
    return promise
  }
}
