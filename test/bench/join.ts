import { LocalNode, vsmcp } from '../../scripts/lib/local-mesh.ts'
import { createApiClient } from '../../packages/api/src/index.ts'
import { eventually } from './failover/cluster.ts'
import { atMost, type Bench, type BenchContext, median } from './lib/bench.ts'
import { freePort } from './lib/free-port.ts'
import { NO_SERF, ratio, withSerf } from './members/compare.ts'
import { Gate } from './members/gate.ts'
import { GROUP, untilMeshed, untilWhole } from './members/group.ts'
import { meshGroup, NAMES } from './members/mesh-group.ts'
import { serfGroup, startSerfAgents } from './members/serf-group.ts'

/** Milliseconds from the beginning of a round. */
interface Joined {
  /** Until each of the eight listed all eight as alive. */
  wholeMs: number
  /** Until each had a connection of its own to each; Serf has none that stand. */
  meshedMs?: number
}

/** A dial is given up after 5 s; one that waits longer before the gate might end as it opens. */
const HELD_MAX_MS = 3_000

const listenOn = (port: number): string[] => ['--listen', `/ip4/127.0.0.1/tcp/${port}`, '--http', '127.0.0.1:0']

/**
 * Eight nodes that are up and hold credentials. Seven know one address, that of the first as it was when they enrolled; a gate
 * stands there that holds their connections, and the first listens elsewhere. Nobody has seen anybody, and the seven have no docket yet.
 */
async function joinOnce(folder: string): Promise<Joined> {
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
    let openedAtMs = Number.NaN
    const wholeMs = await untilWhole(group, () => {
      openedAtMs = performance.now()
      gate.open(moved)
      return openedAtMs
    })
    return { wholeMs, meshedMs: await untilMeshed(group, openedAtMs) }
  } finally {
    gate.close()
    await group.stop()
  }
}

async function serfOnce(command: string): Promise<Joined> {
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
    return { wholeMs }
  } finally {
    await group.stop()
  }
}

async function rounds(
  name: string,
  context: BenchContext,
  once: (round: number) => Promise<Joined>,
): Promise<Record<string, number>> {
  const all: Joined[] = []
  for (let round = 0; round < context.rounds; round++) all.push(await once(round))
  const times = all.map(({ wholeMs }) => wholeMs)
  context.say(`${name}: ${times.map((time) => time.toFixed(0)).join(' ')} ms`)
  const figures = { 'median ms': median(times), 'best ms': Math.min(...times), 'worst ms': Math.max(...times) }
  const meshed = all.flatMap(({ meshedMs }) => meshedMs ?? [])
  if (meshed.length === 0) return figures
  context.say(`${name}, connected each with each: ${meshed.map((time) => time.toFixed(0)).join(' ')} ms`)
  return { ...figures, 'each with each connected, median ms': median(meshed), 'its worst ms': Math.max(...meshed) }
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
        'Ours: enrolled before, each in a process that is up, seven of them knowing one address and nobody alive. A gate at that address holds their connections; the time begins when it opens and ends when each of the eight lists all eight as alive (`vsmcp members`). In it: hellos and connections of the seven with the first, the docket to seven nodes, and the word of each to all.',
        'Until 2026-11-23 the time ended when each had a connection of its own to each, 28 in all: 2,222 ms in the last such run. Now, as in Serf, who is told by a member that it is connected with that another lives lists it; its own connection follows. The old figure is printed beside it.',
        'Ours says by itself when it lists eight (`vsmcp wait`), and is then looked at as often as needed; Serf has no such call and is looked at every 20 ms from the start, over a connection that stands. All are asked once before the time begins.',
        'Enrolment itself (`vsmcp join`, before) and the start of processes are not in it, as with Serf.',
        'Serf: eight agents up; the time begins when seven are told to join the first.',
        ...(hasSerf ? ratio(subjects, 'median ms') : [NO_SERF]),
      ],
    }
  },
}
