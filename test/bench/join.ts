import { LocalNode, vsmcp } from '../../scripts/lib/local-mesh.ts'
import { createApiClient } from '../../packages/api/src/index.ts'
import { eventually } from './failover/cluster.ts'
import { atMost, type Bench, type BenchContext, median } from './lib/bench.ts'
import { freePort } from './lib/free-port.ts'
import { NO_SERF, ratio, withSerf } from './members/compare.ts'
import { Gate } from './members/gate.ts'
import { GROUP, untilWhole } from './members/group.ts'
import { meshGroup, NAMES } from './members/mesh-group.ts'
import { serfGroup, startSerfAgents } from './members/serf-group.ts'

/** A dial is given up after 5 s; one that waits longer before the gate might end as it opens. */
const HELD_MAX_MS = 3_000

const listenOn = (port: number): string[] => ['--listen', `/ip4/127.0.0.1/tcp/${port}`, '--http', '127.0.0.1:0']

/**
 * Eight nodes that are up and hold credentials. Seven know one address, that of the first as it was when they enrolled; a gate
 * stands there that holds their connections, and the first listens elsewhere. Nobody has seen anybody, and the seven have no docket yet.
 */
async function joinOnce(folder: string): Promise<number> {
  const [known, moved] = [await freePort(), await freePort()]
  const dirOf = (name: string): string => `${folder}/${name}`
  const [firstName = '', ...names] = NAMES
  await vsmcp(dirOf(firstName), 'init', '--name', 'local')
  const inviter = await LocalNode.start(dirOf(firstName), firstName, listenOn(known))
  const { token } = (await inviter.vsmcp('invite', '--uses', String(names.length))) as { token: string }
  await Promise.all(names.map((name) => vsmcp(dirOf(name), 'join', token, '--name', name)))
  await inviter.end('SIGTERM')
  const gate = await Gate.start(known)
  const nodes: LocalNode[] = []
  const group = meshGroup(nodes)
  try {
    nodes.push(await LocalNode.start(dirOf(firstName), firstName, listenOn(moved)))
    const started = await Promise.all(names.map(async (name) => LocalNode.start(dirOf(name), name)))
    nodes.push(...started)
    await eventually('a first node that leads, and seven before the gate', async () => {
      const { system5 } = await createApiClient({ dataDir: dirOf(firstName) }).status()
      return system5.leader !== null && gate.waiting(HELD_MAX_MS) === names.length ? true : undefined
    })
    return await untilWhole(group, () => {
      const openedAt = performance.now()
      gate.open(moved)
      return openedAt
    })
  } finally {
    gate.close()
    await group.stop()
  }
}

async function serfOnce(command: string): Promise<number> {
  const agents = await startSerfAgents(command)
  const group = serfGroup(agents)
  try {
    let joins: Promise<void>[] = []
    const wholeMs = await untilWhole(group, () => {
      const startedAt = performance.now()
      joins = agents.slice(1).map((agent) => agent.join(agents[0]?.address ?? ''))
      return startedAt
    })
    await Promise.all(joins)
    return wholeMs
  } finally {
    await group.stop()
  }
}

async function rounds(
  name: string,
  context: BenchContext,
  once: (round: number) => Promise<number>,
): Promise<Record<string, number>> {
  const times: number[] = []
  for (let round = 0; round < context.rounds; round++) times.push(await once(round))
  context.say(`${name}: ${times.map((time) => time.toFixed(0)).join(' ')} ms`)
  return { 'median ms': median(times), 'best ms': Math.min(...times), 'worst ms': Math.max(...times) }
}

export const joinBench: Bench = {
  name: 'join',
  title: `${GROUP} nodes that are up join: until all list all as alive`,
  async run(context) {
    const { subjects, hasSerf } = await withSerf(
      context,
      (folder) => rounds('vsmcp', context, (round) => joinOnce(`${folder}/${round}`)),
      (command) => rounds('serf', context, () => serfOnce(command)),
    )
    return {
      subjects,
      targets: [atMost('median', subjects[0]?.figures['median ms'] ?? Number.NaN, 1_000, ' ms')],
      notes: [
        'Ours: enrolled before, each in a process that is up, seven of them knowing one address and nobody alive. A gate at that address holds their connections; the time begins when it opens and ends when each of the eight lists all eight as alive over a connection of its own. In it: hellos, 28 connections, the docket to seven nodes, each one’s addresses decided by System 5.',
        'Ours says by itself when it lists eight (`vsmcp wait`), and is then looked at as often as needed; Serf has no such call and is looked at every 20 ms from the start, over a connection that stands. All are asked once before the time begins. Serf lists whom it has heard of; ours counts only whom it is connected with.',
        'Enrolment itself (`vsmcp join`, before) and the start of processes are not in it, as with Serf.',
        'Serf: eight agents up; the time begins when seven are told to join the first.',
        ...(hasSerf ? ratio(subjects, 'median ms') : [NO_SERF]),
      ],
    }
  },
}
