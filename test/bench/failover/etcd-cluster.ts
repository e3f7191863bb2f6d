import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'

import { run } from '../../../scripts/lib/run.ts'
import { freePort } from '../lib/free-port.ts'
import { type Cluster, eventually, MEMBERS } from './cluster.ts'

interface Member {
  args: string[]
  client: string
  child: ChildProcess
}

/** Where etcd is, if this machine has it (Debian: `apt-get install etcd-server`). */
export function findEtcd(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/bin', '/usr/local/bin']
  return folders.map((folder) => `${folder}/etcd`).find((path) => existsSync(path))
}

export async function etcdVersion(command: string): Promise<string> {
  const { stdout } = await run(command, ['--version'])
  return /etcd Version: (\S+)/.exec(stdout)?.[1] ?? 'of unknown version'
}

async function post(url: string, body: object, timeoutMs: number): Promise<Record<string, unknown>> {
  const signal = AbortSignal.timeout(timeoutMs)
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body), signal })
  const answer = (await response.json()) as Record<string, unknown>
  if (!response.ok) throw new Error(`${url}: ${JSON.stringify(answer)}`)
  return answer
}

/** Three etcd members on loopback with etcd's own defaults. */
export async function startEtcdCluster(command: string, folder: string): Promise<Cluster> {
  const ports = await Promise.all(Array.from({ length: 2 * MEMBERS }, freePort))
  const peers = Array.from({ length: MEMBERS }, (_, i) => `http://127.0.0.1:${ports[i] ?? 0}`)
  const start = (args: readonly string[]): ChildProcess => spawn(command, args, { stdio: 'ignore' })
  const members: Member[] = peers.map((peer, i) => {
    const client = `http://127.0.0.1:${ports[MEMBERS + i] ?? 0}`
    const cluster = peers.map((url, n) => `m${n}=${url}`).join(',')
    const args = [
      '--name',
      `m${i}`,
      '--data-dir',
      `${folder}/m${i}`,
      '--initial-cluster',
      cluster,
      '--listen-peer-urls',
      peer,
      '--initial-advertise-peer-urls',
      peer,
      '--listen-client-urls',
      client,
      '--advertise-client-urls',
      client,
    ]
    return { args, client, child: start(args) }
  })
  const at = (member: number): Member => {
    const found = members[member]
    if (found === undefined) throw new Error(`there is no member ${member}`)
    return found
  }
  const end = async ({ child }: Member): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  return {
    settled: () =>
      eventually('three etcd members that follow one leader', async () => {
        const all = await Promise.all(members.map(({ client }) => post(`${client}/v3/maintenance/status`, {}, 1_000)))
        const ids = all.map(({ header }) => (header as { member_id: string }).member_id)
        const [first] = all
        const agreed = all.every((one) => one['leader'] === first?.['leader'] && one['raftIndex'] === first?.['raftIndex'])
        const leader = ids.indexOf(first?.['leader'] as string)
        return agreed && leader >= 0 ? leader : undefined
      }),
    kill: (member) => void at(member).child.kill('SIGKILL'),
    async write(member, timeoutMs) {
      await post(`${at(member).client}/v3/kv/put`, { key: 'a2V5', value: 'dmFsdWU=' }, timeoutMs)
    },
    async revive(member) {
      await end(at(member))
      at(member).child = start(at(member).args)
    },
    stop: async () => {
      await Promise.all(members.map(end))
    },
  }
}
