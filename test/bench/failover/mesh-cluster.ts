import { LocalNode, startMesh, stopMesh } from '../../../scripts/lib/local-mesh.ts'
import { type ApiClient, createApiClient } from '../../../packages/api/src/index.ts'
import { type Cluster, eventually, type Hosts, MEMBERS } from './cluster.ts'

const NAMES = ['a', 'b', 'c']

/** Three nodes as `init`, `invite`, `join` and `up` make them; an entry is an invitation, asked for over the control socket. */
export async function startMeshCluster(folder: string, hosts?: Hosts): Promise<Cluster> {
  const nodes = await startMesh(
    folder,
    NAMES,
    (index) => (hosts === undefined ? [] : ['--listen', `/ip4/${hosts.addressOf(index)}/tcp/4950`, '--http', '127.0.0.1:4951']),
    (index) => (hosts === undefined ? {} : { prefix: hosts.at(index) }),
  )
  const client = (member: number, answerTimeoutMs?: number): ApiClient =>
    createApiClient({ dataDir: at(member).dataDir, ...(answerTimeoutMs === undefined ? {} : { answerTimeoutMs }) })
  const at = (member: number): LocalNode => {
    const node = nodes[member]
    if (node === undefined) throw new Error(`there is no node ${member}`)
    return node
  }
  return {
    settled: () =>
      eventually('three nodes that follow one leader', async () => {
        const all = await Promise.all(nodes.map((_node, member) => client(member).status()))
        const [first] = all
        const leader = nodes.findIndex(({ ready }) => ready.peerId === first?.system5.leader)
        const agreed = all.every(
          ({ system5, members }) =>
            system5.leader === first?.system5.leader &&
            system5.appliedIndex === first?.system5.appliedIndex &&
            system5.voters.length === MEMBERS &&
            members.alive === MEMBERS,
        )
        return agreed && leader >= 0 ? leader : undefined
      }),
    pidOf: (member) => at(member).pid,
    async write(member, timeoutMs) {
      await client(member, timeoutMs).createInvitation({ role: 'member', ttlMs: 60_000, uses: 1 })
    },
    async revive(member) {
      const { dataDir, ready, place, sameAddresses } = at(member)
      await at(member).end('SIGKILL')
      nodes[member] = await LocalNode.start(dataDir, ready.name, sameAddresses, place)
    },
    stop: () => stopMesh(nodes),
  }
}
