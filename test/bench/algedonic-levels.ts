import { mkdirSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { createApiClient } from '../../packages/api/src/index.ts'
import { LocalNode, startMesh, stopMesh, vsmcp } from '../../scripts/lib/local-mesh.ts'
import { type Alert, figuresOf, Heard, raiseAsClient, type Sample, saturate } from './algedonic.ts'
import { atMost, type Bench, type Subject } from './lib/bench.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** New alerts a source may raise at once. */
const SUBJECTS = 8

/** Milliseconds between two alerts, so that none waits for another. */
const PAUSE_MS = 60

interface Measured {
  samples: Sample[]
  callsPerSecond: number
}

/** Critical alerts of members of the group below, until the group above has them committed. */
async function sample(members: readonly LocalNode[], heard: Heard): Promise<Sample[]> {
  const samples: Sample[] = []
  for (let at = 0; at < SUBJECTS; at++) {
    for (const node of members) {
      const person = createApiClient({ dataDir: node.dataDir })
      const { name } = node.ready
      const raise: [string, (alert: Alert) => Promise<unknown>][] = [
        [`client ${at} of ${name}`, (alert) => raiseAsClient(node, alert)],
        [`person ${at} of ${name}`, (alert) => person.raiseAlert({ ...alert, feeling: 'pain', text: '' })],
      ]
      for (const [subject, tell] of raise) {
        const alert = { severity: 'critical', subject } as const
        const startedMs = Date.now()
        await tell(alert)
        const { at: committed, alert: seen } = await heard.of(alert)
        const atMs = Date.parse(committed)
        samples.push({ wholeMs: atMs - startedMs, channelMs: atMs - Date.parse(seen.last) })
        await wait(PAUSE_MS)
      }
    }
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
    await delegate.vsmcp('wait', '--tool', 'plant__lookup__lookup', '--timeout', '60s')
    const heard = new Heard(createApiClient({ dataDir: leader.dataDir }))
    const stopLoad = isLoaded ? saturate(delegate.ready.mcp, 'plant__lookup__lookup') : undefined
    // A load that has begun, and programs that are warm.
    await wait(2_000)
    try {
      const samples = await sample(members, heard)
      return { samples, callsPerSecond: (await stopLoad?.()) ?? 0 }
    } finally {
      heard.stop()
    }
  } finally {
    await stopMesh(members)
    await stopMesh(nodes)
  }
}

export const algedonicLevelsBench: Bench = {
  name: 'algedonic-levels',
  title: 'A critical alert, from a member of a group to System 5 of the group above',
  async run(context) {
    const { rounds, folder } = context
    const all: Record<'idle' | 'saturated', Sample[]> = { idle: [], saturated: [] }
    const rates: number[] = []
    for (let round = 0; round < rounds; round++) {
      for (const name of ['idle', 'saturated'] as const) {
        const { samples, callsPerSecond } = await measure(`${folder}/${round}-${name}`, name === 'saturated')
        all[name].push(...samples)
        if (callsPerSecond > 0) rates.push(callsPerSecond)
        context.say(`round ${round + 1}: ${name}: ${JSON.stringify({ ...figuresOf(samples), callsPerSecond })}`)
      }
    }
    const rate = rates.reduce((sum, each) => sum + each, 0) / rates.length
    const idle: Subject = { name: 'mesh idle', figures: { ...figuresOf(all.idle), 'calls/s': 0 } }
    const saturated: Subject = { name: 'data plane saturated', figures: { ...figuresOf(all.saturated), 'calls/s': rate } }
    return {
      basis: `all alerts of ${rounds} round${rounds === 1 ? '' : 's'}`,
      subjects: [idle, saturated],
      targets: [idle, saturated].map(({ name, figures }) => atMost(`p99, ${name}`, figures['p99 ms'] ?? Number.NaN, 100, ' ms')),
      notes: [
        'Three nodes at the root, all voters, and a group below with two nodes of its own and a seat of one of the three. Alerts at the two, half by an MCP client, half by a person; decided in the group below, raised above by its delegate, and timed until they are committed there, at the leader, by its clock, in whole milliseconds.',
        'Saturated: 32 calls in flight from the delegate to a tool in the group below, as fast as they are answered: all processes share the cores.',
        `The machine besides: load average ${loadavg()[0]?.toFixed(1) ?? '?'} at the end, on ${cpus().length} processors.`,
      ],
    }
  },
}
