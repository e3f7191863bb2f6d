import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { type LocalNode, startMesh, stopMesh } from '../../scripts/lib/local-mesh.ts'
import { type Heard, idleAndSaturated, machineNote, type Measured, raiseBoth, type Sample, underLoad } from './alerts/alerts.ts'
import { atMost, type Bench, type Subject } from './lib/bench.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const TOOL = 'lookup__lookup'
/** New alerts a source may raise at once; each is felt three times, ever more severe, and each of these is told at once. */
const SUBJECTS = 8
const SEVERITIES = ['low', 'high', 'critical'] as const

async function sample(nodes: readonly LocalNode[], heard: Heard): Promise<Sample[]> {
  const samples: Sample[] = []
  for (let at = 0; at < SUBJECTS; at++) {
    for (const severity of SEVERITIES) {
      for (const node of nodes) samples.push(...(await raiseBoth(node, { severity, subject: `${at}` }, heard)))
    }
  }
  return samples
}

async function measure(folder: string, isLoaded: boolean): Promise<Measured> {
  const counts = `${folder}/counts`
  mkdirSync(counts, { recursive: true })
  const nodes = await startMesh(`${folder}/mesh`, ['a', 'b', 'c'])
  try {
    const status = (await nodes[0]?.vsmcp('status')) as { system5: { leaderName: string } }
    const leader = nodes.find(({ ready }) => ready.name === status.system5.leaderName)
    const [source, other] = nodes.filter((node) => node !== leader)
    if (leader === undefined || source === undefined || other === undefined) throw new Error('nobody leads')
    const env = ['--env', `LOOKUP_COUNTS_FOLDER=${counts}`, '--env', 'NODE_ENV=production']
    await source.vsmcp('attach', 'lookup', ...env, '--', process.execPath, here('./call/stdio-server.ts'))
    await other.vsmcp('wait', '--tool', TOOL, '--timeout', '30s')
    const load = isLoaded ? { url: other.ready.mcp, tool: TOOL } : undefined
    return await underLoad(leader, load, (heard) => sample([source, other], heard))
  } finally {
    await stopMesh(nodes)
  }
}

export const algedonicBench: Bench = {
  name: 'algedonic',
  title: 'An alert, from who feels it to System 5, two levels up on another node',
  async run(context) {
    const { basis, idle, saturated } = await idleAndSaturated(context, measure)
    const figure = ({ figures }: Subject, name: string): number => figures[name] ?? Number.NaN
    return {
      basis,
      subjects: [idle, saturated],
      targets: [
        atMost('p99, data plane saturated', figure(saturated, 'p99 ms'), 100, ' ms'),
        atMost('p99, mesh idle', figure(idle, 'p99 ms'), 100, ' ms'),
      ],
      notes: [
        'Three nodes, all voters; alerts at the two that do not lead, half by an MCP client (`vsmcp__alert` over HTTP), half by a person (`/v1`); until they are committed, fsynced by a quorum, and applied at the leader, by its clock, in whole milliseconds.',
        'Saturated: 32 calls in flight at one of these nodes, of a tool at the other, as fast as they are answered: nodes, server and load generator share the cores.',
        machineNote(),
        `p50 saturated ÷ idle: ${(figure(saturated, 'p50 ms') / figure(idle, 'p50 ms')).toPrecision(3)}; p99: ${(figure(saturated, 'p99 ms') / figure(idle, 'p99 ms')).toPrecision(3)}.`,
      ],
    }
  },
}
