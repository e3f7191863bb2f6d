import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { LocalNode, startMesh, stopMesh, vsmcp } from '../../scripts/lib/local-mesh.ts'
import { type Heard, idleAndSaturated, machineNote, type Measured, raiseBoth, type Sample, underLoad } from './alerts/alerts.ts'
import { atMost, type Bench } from './lib/bench.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const TOOL = 'plant__lookup__lookup'

/** New alerts a source may raise at once. */
const SUBJECTS = 8

/** Critical alerts of members of the group below, until the group above has them committed. */
async function sample(members: readonly LocalNode[], heard: Heard): Promise<Sample[]> {
  const samples: Sample[] = []
  for (let at = 0; at < SUBJECTS; at++) {
    for (const node of members) samples.push(...(await raiseBoth(node, { severity: 'critical', subject: `${at}` }, heard)))
  }
  return samples
}

/** Three nodes at the root; one that does not lead there has founded a group below, in which two others are at home. */
async function measure(folder: string, isLoaded: boolean): Promise<Measured> {
  const counts = `${folder}/counts`
  mkdirSync(counts, { recursive: true })
  const nodes = await startMesh(`${folder}/mesh`, ['a', 'b', 'c'])
  const members: LocalNode[] = []
  try {
    const status = (await nodes[0]?.vsmcp('status')) as { system5: { leaderName: string } }
    const leader = nodes.find(({ ready }) => ready.name === status.system5.leaderName)
    const delegate = nodes.find((node) => node !== leader)
    if (leader === undefined || delegate === undefined) throw new Error('nobody leads')
    await delegate.vsmcp('group', 'create', 'plant')
    const { token } = (await delegate.vsmcp('invite', '--group', '/plant', '--uses', '2')) as { token: string }
    for (const name of ['d', 'e']) {
      await vsmcp(`${folder}/mesh/${name}`, 'join', token)
      members.push(await LocalNode.start(`${folder}/mesh/${name}`, name))
    }
    const [host] = members
    if (host === undefined) throw new Error('nobody is below')
    const env = ['--env', `LOOKUP_COUNTS_FOLDER=${counts}`, '--env', 'NODE_ENV=production']
    await host.vsmcp('attach', 'lookup', ...env, '--', process.execPath, here('./call/stdio-server.ts'))
    await delegate.vsmcp('wait', '--tool', TOOL, '--timeout', '60s')
    const load = isLoaded ? { url: delegate.ready.mcp, tool: TOOL } : undefined
    return await underLoad(leader, load, (heard) => sample(members, heard))
  } finally {
    await stopMesh(members)
    await stopMesh(nodes)
  }
}

export const algedonicLevelsBench: Bench = {
  name: 'algedonic-levels',
  title: 'A critical alert, from a member of a group to System 5 of the group above',
  async run(context) {
    const { basis, idle, saturated } = await idleAndSaturated(context, measure)
    return {
      basis,
      subjects: [idle, saturated],
      targets: [idle, saturated].map(({ name, figures }) => atMost(`p99, ${name}`, figures['p99 ms'] ?? Number.NaN, 100, ' ms')),
      notes: [
        'Three nodes at the root, all voters, and a group below with two nodes of its own and a seat of one of the three. Alerts at the two, half by an MCP client, half by a person; decided in the group below, raised above by its delegate, and timed until they are committed there, at the leader, by its clock, in whole milliseconds.',
        'Saturated: 32 calls in flight from the delegate to a tool in the group below, as fast as they are answered: all processes share the cores.',
        machineNote(),
      ],
    }
  },
}
