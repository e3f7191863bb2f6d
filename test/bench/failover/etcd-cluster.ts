import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { fileURLToPath } from 'node:url'

import { run } from '../../../scripts/lib/run.ts'
import { freePort } from '../lib/free-port.ts'
import { type Cluster, eventually, type Hosts, MEMBERS } from './cluster.ts'

interface Member {
  line: string[]
  door: Door
  child: ChildProcess
}

export async function etcdVersion(command: string): Promise<string> {
  const { stdout } = await run(command, ['--version'])
  return /etcd Version: (\S+)/.exec(stdout)?.[1] ?? 'of unknown version'
}

/** One member's HTTP gateway; in a namespace of its own it is reached by a socket file. */
interface Door {
  host?: string
  port?: number
  socketPath?: string
}

async function post(door: Door, path: string, body: object, timeoutMs: number): Promise<Record<string, unknown>> {
  const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>>()
  const asked = request({ ...door, path, method: 'POST', signal: AbortSignal.timeout(timeoutMs), agent: false }, (response) => {
    let text = ''
    response.setEncoding('utf8').on('data', (part: string) => (text += part))
    response.once('error', reject)
    response.once('end', () => {
      if (response.statusCode === 200) resolve(JSON.parse(text) as Record<string, unknown>)
      else reject(new Error(`${path}: ${text}`))
    })
  })
  asked.once('error', reject)
  asked.end(JSON.stringify(body))
  return promise
}

export interface EtcdOptions {
  /** Besides its defaults. */
  args?: readonly string[]
  hosts?: Hosts
}

const optionsOf = (values: Readonly<Record<string, string>>): string[] =>
  Object.entries(values).flatMap(([name, value]) => [`--${name}`, value])

const CLIENT_PORT = 2379
const PEER_PORT = 2380
const relay = fileURLToPath(new URL('../../netns/socket-relay.ts', import.meta.url))

/** Three etcd members with etcd's own defaults, on loopback or each on its host. */
export async function startEtcdCluster(
  command: string,
  folder: string,
  { args = [], hosts }: EtcdOptions = {},
): Promise<Cluster> {
  const ports = hosts === undefined ? await Promise.all(Array.from({ length: 2 * MEMBERS }, freePort)) : []
  const address = (member: number): string => hosts?.addressOf(member) ?? '127.0.0.1'
  const peers = Array.from({ length: MEMBERS }, (_, i) => `http://${address(i)}:${ports[i] ?? PEER_PORT}`)
  const start = (member: number, line: readonly string[]): ChildProcess => {
    const [program = command, ...rest] = [...(hosts?.at(member) ?? []), ...line]
    return spawn(program, rest, { stdio: 'ignore' })
  }
  const relays: ChildProcess[] = []
  const members: Member[] = peers.map((peer, i) => {
    const port = ports[MEMBERS + i] ?? CLIENT_PORT
    const client = `http://${address(i)}:${port}`
    const line = [
      command,
      ...optionsOf({ name: `m${i}`, 'data-dir': `${folder}/m${i}` }),
      ...optionsOf({ 'initial-cluster': peers.map((url, n) => `m${n}=${url}`).join(',') }),
      ...optionsOf({ 'listen-peer-urls': peer, 'initial-advertise-peer-urls': peer }),
      ...optionsOf({ 'listen-client-urls': client, 'advertise-client-urls': client }),
      ...args,
    ]
    const socketPath = `${folder}/m${i}.sock`
    if (hosts !== undefined) relays.push(start(i, [process.execPath, relay, socketPath, `${address(i)}:${port}`]))
    return { line, door: hosts === undefined ? { host: address(i), port } : { socketPath }, child: start(i, line) }
  })
  const at = (member: number): Member => {
    const found = members[member]
    if (found === undefined) throw new Error(`there is no member ${member}`)
    return found
  }
  const end = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  return {
    settled: () =>
      eventually('three etcd members that follow one leader', async () => {
        const all = await Promise.all(members.map(({ door }) => post(door, '/v3/maintenance/status', {}, 1_000)))
        const ids = all.map(({ header }) => (header as { member_id: string }).member_id)
        const [first] = all
        const agreed = all.every((one) => one['leader'] === first?.['leader'] && one['raftIndex'] === first?.['raftIndex'])
        const leader = ids.indexOf(first?.['leader'] as string)
        return agreed && leader >= 0 ? leader : undefined
      }),
    pidOf: (member) => at(member).child.pid ?? 0,
    async write(member, timeoutMs) {
      await post(at(member).door, '/v3/kv/put', { key: 'a2V5', value: 'dmFsdWU=' }, timeoutMs)
    },
    async revive(member) {
      await end(at(member).child)
      at(member).child = start(member, at(member).line)
    },
    stop: async () => {
      await Promise.all([...members.map(({ child }) => end(child)), ...relays.map(end)])
    },
  }
}
