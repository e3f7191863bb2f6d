import { atMost, type Bench, type BenchContext, median } from './lib/bench.ts'
import { NO_SERF, ratio, withSerf } from './members/compare.ts'
import { type Group, GROUP, others, settled, untilEach } from './members/group.ts'
import { startMeshGroup } from './members/mesh-group.ts'
import { startSerfGroup } from './members/serf-group.ts'

const KILLS = 10

async function measure(name: string, group: Group, context: BenchContext): Promise<Record<string, number>> {
  const times: number[] = []
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      await settled(group)
      const victim = kill % GROUP
      const killedAt = performance.now()
      group.kill(victim)
      times.push(await untilEach(group, others(victim), killedAt, (view) => view.get(group.nameOf(victim)) === 'failed'))
      await group.revive(victim)
    }
  } finally {
    await group.stop()
  }
  context.say(`${name}: ${times.map((time) => time.toFixed(0)).join(' ')} ms`)
  return { 'median ms': median(times), 'best ms': Math.min(...times), 'worst ms': Math.max(...times) }
}

export const crashBench: Bench = {
  name: 'crash',
  title: `One of ${GROUP} killed with SIGKILL: until all others list it as failed`,
  async run(context) {
    const { subjects, hasSerf } = await withSerf(
      context,
      async (folder) => measure('vsmcp', await startMeshGroup(folder), context),
      async (command) => measure('serf', await startSerfGroup(command), context),
    )
    return {
      basis: `${KILLS} kills each, every member in turn`,
      subjects,
      targets: [atMost(`median over ${KILLS} kills`, subjects[0]?.figures['median ms'] ?? Number.NaN, 1_000, ' ms')],
      notes: [
        'Each of the seven is asked for its list over its control socket or RPC port every 20 ms; the last to see it counts.',
        'A killed process closes its connections, and its address refuses: this tells ours. Serf probes by UDP and waits out its suspicion.',
        ...(hasSerf ? ratio(subjects, 'median ms') : [NO_SERF]),
      ],
    }
  },
}
