import { type ApiClient, createApiClient } from '../../../packages/api/src/index.ts'
import { LocalNode, startMesh, stopMesh } from '../../../scripts/lib/local-mesh.ts'
import { GIVE_UP_MS, type Group, GROUP, type Seen } from './group.ts'

export const NAMES = Array.from({ length: GROUP }, (_, at) => `node-${at}`)

/** Eight nodes as `init`, `invite`, `join` and `up` make them. */
export async function startMeshGroup(folder: string): Promise<Group & { nodes: readonly LocalNode[] }> {
  return meshGroup(await startMesh(folder, NAMES))
}

export function meshGroup(nodes: LocalNode[]): Group & { nodes: readonly LocalNode[] } {
  const startedAtMs = Date.now()
  const at = (member: number): LocalNode => {
    const node = nodes[member]
    if (node === undefined) throw new Error(`there is no node ${member}`)
    return node
  }
  const api = (member: number): ApiClient => createApiClient({ dataDir: at(member).dataDir })
  return {
    nodes,
    async view(member) {
      const members = await api(member).members()
      return new Map(members.map(({ name, state }): [string, Seen] => [name, state]))
    },
    async isMeshed(member) {
      const members = await api(member).members()
      return members.length === GROUP && members.every(({ connected }) => connected)
    },
    async wait(member, members) {
      await api(member).wait({ members, timeoutMs: GIVE_UP_MS })
    },
    nameOf: (member) => at(member).ready.name,
    kill: (member) => void process.kill(at(member).pid, 'SIGKILL'),
    async revive(member) {
      const { dataDir, ready, sameAddresses } = at(member)
      await at(member).end('SIGKILL')
      nodes[member] = await LocalNode.start(dataDir, ready.name, sameAddresses)
    },
    async verdicts() {
      const said: string[] = []
      for (const [member, node] of nodes.entries()) {
        for await (const { msg, fields } of api(member).logs({ sinceMs: startedAtMs, follow: false })) {
          if (msg === 'member changed state' && fields?.['to'] === 'failed')
            said.push(`${node.ready.name}: ${String(fields['peer'])} (${String(fields['why'])})`)
        }
      }
      return said
    },
    stop: () => stopMesh(nodes),
  }
}
