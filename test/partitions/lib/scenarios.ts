import { setTimeout as sleep } from 'node:timers/promises'

import { decides, decidesNothing, listsStand, servesItself } from './checks.ts'
import { ELECTION_MS } from './constants.ts'
import { type Name, NAMES, type PartitionMesh, SLOW, UNIT_HOSTS, unitOf } from './mesh.ts'

/** What a scenario measured, for the line that is printed of it. */
export type Figures = Record<string, number | string>

const rest = (names: readonly Name[]): Name[] => NAMES.filter((name) => !names.includes(name))
const round = (ms: number): number => Math.round(ms)

/** Five nodes fall into three and two, the leader among the two. */
export async function splitThreeTwo(mesh: PartitionMesh, leader: Name): Promise<Figures> {
  const other = UNIT_HOSTS.find((host) => host !== leader) ?? 'a'
  const minority = [leader, other]
  const majority = rest(minority)
  const charter = await mesh.api(leader).charter()
  await mesh.network.part(minority, majority)
  const cutAt = performance.now()
  const [{ leader: next, tookMs }, refusalMs] = await Promise.all([
    decides(mesh, majority, leader),
    decidesNothing(mesh, minority, charter),
  ])
  const answered = (await servesItself(mesh, minority, cutAt)) + (await servesItself(mesh, majority, cutAt))
  return { minority: minority.join(), next, electionMs: round(tookMs), refusalMs: round(refusalMs), answered }
}

/** Nobody hears the leader any more, it hears everybody; then the other way round. */
export async function oneWayLoss(mesh: PartitionMesh, leader: Name): Promise<Figures> {
  const others = rest([leader])
  await Promise.all(others.map((other) => mesh.network.block(leader, other)))
  const cutAt = performance.now()
  const mute = await decides(mesh, others, leader)
  await mesh.eventually(`${leader} steps down though it hears`, ELECTION_MS, async () => {
    const { system5 } = await mesh.status(leader)
    return system5.role === 'leader' ? undefined : true
  })
  await servesItself(mesh, others, cutAt)
  await mesh.network.heal()
  await mesh.settled()
  const deafLeader = (await mesh.settled()).leader
  const hearing = rest([deafLeader])
  await Promise.all(hearing.map((other) => mesh.network.block(other, deafLeader)))
  const deafAt = performance.now()
  const deaf = await decides(mesh, hearing, deafLeader)
  await listsStand(mesh, [deafLeader])
  await servesItself(mesh, hearing, deafAt)
  return { muteElectionMs: round(mute.tookMs), deafElectionMs: round(deaf.tookMs) }
}

/** The leader alone on one side. */
export async function isolatedLeader(mesh: PartitionMesh, leader: Name): Promise<Figures> {
  const others = rest([leader])
  const charter = await mesh.api(leader).charter()
  await mesh.network.part([leader], others)
  const cutAt = performance.now()
  const [{ leader: next, tookMs }, refusalMs] = await Promise.all([
    decides(mesh, others, leader),
    decidesNothing(mesh, [leader], charter),
  ])
  const answered = (await servesItself(mesh, others, cutAt)) + (await servesItself(mesh, [leader], cutAt))
  return { leader, next, electionMs: round(tookMs), refusalMs: round(refusalMs), answered }
}

const FLAPS = 12
const FLAP_MS = 120

/** The link between the leader and one other goes and comes; decisions are asked for meanwhile. */
export async function flappingLink(mesh: PartitionMesh, leader: Name): Promise<Figures> {
  const [other = 'a'] = rest([leader])
  const rested = rest([leader, other])
  const startedAt = performance.now()
  const { term } = (await mesh.status(leader)).system5
  const flapping = (async () => {
    for (let i = 0; i < FLAPS; i++) {
      await mesh.network.part([leader], [other])
      await sleep(FLAP_MS)
      await mesh.network.heal()
      await sleep(FLAP_MS)
    }
  })()
  let decided = 0
  const deciding = (async () => {
    for (const name of [...rested, leader, ...rested]) {
      await mesh.ledger.invite(name, mesh.api(name))
      decided++
    }
  })()
  await Promise.all([flapping, deciding])
  await servesItself(mesh, rested, startedAt)
  return { link: `${leader}-${other}`, decided, termsPassed: (await mesh.settled()).term - term }
}

/** The leader's process stands still, its connections open; another leads; then it wakes and still believes it leads. */
export async function pausedLeader(mesh: PartitionMesh, leader: Name): Promise<Figures> {
  const others = rest([leader])
  mesh.pause(leader)
  const pausedAt = performance.now()
  const { leader: next, term, tookMs } = await decides(mesh, others, leader)
  await listsStand(mesh, others)
  const side = others.filter((name) => UNIT_HOSTS.includes(name))
  await servesItself(mesh, side, pausedAt)
  mesh.resume(leader)
  // What it decides from here on is decided by the group of now: it is refused or forwarded, never decided by itself.
  await mesh.ledger.invite(leader, mesh.api(leader))
  const seen = await mesh.leaderAmong(NAMES, ELECTION_MS)
  return { leader, next, electionMs: round(tookMs), term, termAfter: seen.term }
}

/** Who fell silent is given up, and its connections with it, after three seconds; a slow election may take as long. */
const STALE_ORDERS_TRIED = 4
/** What was held back is there as soon as it is released. */
const RELEASED_MS = 2_000

/**
 * What a leader ordered reaches one node only after another leads: its order to sign a charter is held back on the way, the leader is
 * cut off from the rest, the node follows their new leader, and then the old order comes. The receiver refuses it by its token.
 */
export async function staleOrder(mesh: PartitionMesh, first: Name): Promise<Figures> {
  let leader = first
  for (let tried = 1; tried <= STALE_ORDERS_TRIED; tried++) {
    if (leader === SLOW) leader = await anotherLeads(mesh, leader)
    const { term } = await mesh.settled()
    const peer = mesh.node(leader).ready.peerId
    await mesh.hold(leader)
    await mesh.ledger.setPolicy(leader, mesh.api(leader))
    // It asks all voters at once, and is content with the first majority.
    await mesh.eventually('the charter is signed by the others', ELECTION_MS, async () =>
      (await mesh.api(leader).charter()).certifiedBy === null ? undefined : true,
    )
    await mesh.network.part([leader], rest([leader, SLOW]))
    const seen = await mesh.leaderAmong(rest([leader]), ELECTION_MS, leader)
    await mesh.release()
    const refused = await mesh
      .eventually('the stale order is refused', RELEASED_MS, async () => {
        const lines = await mesh.logged(SLOW, 'refused an order by a stale token')
        return lines.find((line) => line['peer'] === peer && termIn(line['token']) === term)
      })
      .catch(() => undefined)
    if (refused !== undefined) return { leader, next: seen.leader, tried, term, seenTerm: termIn(refused['seen']) }
    await mesh.mend()
    leader = (await mesh.settled()).leader
  }
  throw new Error(`no stale order came to ${SLOW} in ${STALE_ORDERS_TRIED} attempts`)
}

function termIn(token: unknown): number {
  return typeof token === 'object' && token !== null && 'term' in token ? Number(token.term) : 0
}

async function anotherLeads(mesh: PartitionMesh, leader: Name): Promise<Name> {
  mesh.pause(leader)
  await mesh.leaderAmong(rest([leader]), ELECTION_MS, leader)
  mesh.resume(leader)
  return (await mesh.settled()).leader
}

/** SIGKILL again and again, the leader among the victims, each restarted; decisions are asked for all the while. */
export async function killStorm(mesh: PartitionMesh, victims: readonly (Name | 'leader')[]): Promise<Figures> {
  const backMs: number[] = []
  for (const each of victims) {
    const victim = each === 'leader' ? (await mesh.leaderAmong(NAMES, ELECTION_MS)).leader : each
    const killedAt = performance.now()
    await mesh.kill(victim)
    for (const name of rest([victim]).slice(0, 2)) await mesh.ledger.invite(name, mesh.api(name))
    await mesh.revive(victim)
    await mesh.leaderAmong(NAMES, ELECTION_MS)
    backMs.push(performance.now() - killedAt)
  }
  return { kills: victims.length, backWorstMs: round(Math.max(...backMs)) }
}

/** A node's disk refuses every fsync: it takes no part in decisions, says so, and goes on with calls. */
export async function failingDisk(mesh: PartitionMesh, node: Name): Promise<Figures> {
  const others = rest([node])
  const disk = mesh.disk(node)
  disk.fail()
  const failedAt = performance.now()
  // Something to write, so that the disk is asked.
  const { leader, tookMs } = await decides(mesh, others)
  await mesh.eventually(`${node} says that its disk refuses`, ELECTION_MS, async () => {
    const { health, system5 } = await mesh.status(node)
    return health === 'ok' || system5.role === 'leader' ? undefined : true
  })
  await decides(mesh, others, node)
  await listsStand(mesh, NAMES)
  const answered = await servesItself(mesh, NAMES, failedAt)
  const { refusals } = disk
  if (refusals === 0) throw new Error(`${node} never came by the shim: its disk did not fail at all`)
  const mendedAt = performance.now()
  disk.mend()
  await mesh.settled()
  return { node, leader, electionMs: round(tookMs), refusals, mendMs: round(performance.now() - mendedAt), answered }
}

const SLOW_MS = 150

/** One link takes 150 ms each way: nobody is declared dead, nobody is elected, calls over it only take longer. */
export async function slowLink(mesh: PartitionMesh): Promise<Figures> {
  const { term } = await mesh.settled()
  await mesh.slowDown(SLOW_MS)
  const startedAt = performance.now()
  await sleep(2_000)
  await decides(mesh, NAMES)
  const answered = await servesItself(mesh, NAMES, startedAt)
  const over = mesh.clients
    .within(startedAt + 1_000, performance.now())
    .filter(({ entry, unit }) => (entry === SLOW) !== (unit === unitOf(SLOW)))
  const fastest = Math.min(...over.map((call) => call.endedAt - call.startedAt))
  if (fastest < 2 * SLOW_MS) throw new Error(`a call over the slow link took only ${fastest.toFixed(0)} ms: the link is not slow`)
  const after = await mesh.settled()
  if (mesh.watch.terms.size === 0) throw new Error('nobody watched')
  return { answered, fastestMs: round(fastest), termsPassed: after.term - term }
}
