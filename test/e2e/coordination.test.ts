import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'

import { type ApiClient, createApiClient } from '../../packages/api/src/index.ts'
import { silentLogger, systemClock } from '../../packages/kernel/src/index.ts'
import { openStore } from '../../packages/store/src/index.ts'
import { clockOf } from './lib/clock.ts'
import { attachJournal, begunIn, journalOf } from './lib/journal.ts'
import { eventually, folder, LocalNode, nth, startMesh } from './lib/world.ts'

type Schedules = Awaited<ReturnType<ApiClient['schedules']>>
type Schedule = Schedules[number]

/** Longer than any of this lasts. */
const FOR_EVER_MS = 600_000
const MINUTE_MS = 60_000
const EVERY_5_S = '*/5 * * * * *'

const clientOf = ({ dataDir }: LocalNode): ApiClient => createApiClient({ dataDir })

/** Has a journal server note this, called at a node of the mesh. */
function note(at: LocalNode, unit: string, label: string, ms: number, timeoutMs = 120_000): Promise<void> {
  const answered = clientOf(at)
    .call({ tool: `${unit}__note`, args: { label, ms }, timeoutMs })
    .then((answer) => expect(answer).toMatchObject({ unit, isError: false }))
  // Whoever waits for it sees it fail.
  answered.catch(() => {})
  return answered
}

async function shown(at: LocalNode, name: string): Promise<Schedule> {
  const schedule = (await clientOf(at).schedules()).find((each) => each.name === name)
  if (schedule === undefined) throw new Error(`${name} is still scheduled`)
  return schedule
}

/** Runs of which the group knows that they began, or may have, oldest first. */
function runsOf({ recent, running }: Schedule): { due: string; attempt: number | null; outcome: string }[] {
  const over = recent.toReversed().filter(({ outcome }) => outcome !== 'skipped')
  const all = running === null ? over : [...over, { ...running, outcome: running.state }]
  return all.map(({ due, attempt, outcome }) => ({ due, attempt: attempt ?? null, outcome }))
}

interface Voters {
  nodes: readonly LocalNode[]
  /** Who leads first. */
  leader: LocalNode
  /** Of the nodes, by PeerId. */
  voters: readonly string[]
  dir: string
}

/** So many nodes, three of them voters. @param envOf environment of each */
async function meshOf(names: readonly string[], envOf: (name: string) => Record<string, string> = () => ({})): Promise<Voters> {
  const dir = folder()
  const placeOf = (index: number) => ({ env: envOf(nth(names, index)) })
  const nodes = await startMesh(dir, names, () => [], placeOf)
  // What they leave behind in order is tested elsewhere.
  onTestFinished(() => Promise.all(nodes.map((node) => node.end('SIGKILL'))).then(() => {}))
  const { voters, leader } = await eventually('three voters', async () => {
    const { system5 } = await clientOf(nth(nodes, 1)).status()
    return system5.voters.length === 3 && system5.leader !== null ? system5 : undefined
  })
  return { nodes, leader: nodes.find(({ ready }) => ready.peerId === leader) ?? nth(nodes, 0), voters, dir }
}

function othersThan(node: LocalNode, nodes: readonly LocalNode[]): [LocalNode, LocalNode] {
  const [one, other] = nodes.filter((each) => each !== node)
  if (one === undefined || other === undefined) throw new Error('fewer than three nodes')
  return [one, other]
}

/** Brings a node that ended back at its addresses. */
async function again(node: LocalNode, env: Record<string, string> = {}): Promise<LocalNode> {
  const started = await LocalNode.start(node.dataDir, node.ready.name, node.sameAddresses, { env })
  onTestFinished(() => started.end('SIGKILL'))
  return started
}

/** Calls of one unit run beside one another; of two that claim the same none does, and tokens never go back. */
function expectNoOverlap(file: string): void {
  const underWay = new Map<string, number>()
  for (const { event, label } of journalOf(file)) {
    const [unit = ''] = label.split(' ', 1)
    underWay.set(unit, (underWay.get(unit) ?? 0) + (event === 'begun' ? 1 : -1))
    expect([...underWay.values()].filter((calls) => calls > 0).length, `units called at ${label}`).toBeLessThanOrEqual(1)
  }
  const tokens = begunIn(file).map(({ claims }) => claims?.['arm']?.token ?? 0)
  expect(tokens[0]).toBeGreaterThan(0)
  expect(tokens).toEqual(tokens.toSorted((x, y) => x - y))
}

/** System 5 is killed as an occurrence is due, while a claim is held and waited for: the next leader goes on with both. */
async function theNextLeaderGoesOn(): Promise<void> {
  const { nodes, leader, dir } = await meshOf(['a', 'b', 'c'])
  const [host, other] = othersThan(leader, nodes)
  const [jobs, arm, camera] = [`${dir}/jobs`, `${dir}/arm`, `${dir}/camera`]
  await attachJournal(host, 'job', jobs)
  await clientOf(other).addSchedule({ name: 'often', cron: EVERY_5_S, tool: 'job__note', args: { label: 'x' } })
  await Promise.all([
    attachJournal(host, 'left', arm, '--claims', 'arm'),
    attachJournal(other, 'right', arm, '--claims', 'arm'),
    attachJournal(host, 'eye', camera, '--claims', 'camera:shared'),
    attachJournal(other, 'lens', camera, '--claims', 'camera:shared'),
  ])
  await Promise.all([
    host.vsmcp('wait', '--tool', 'right__note', '--tool', 'lens__note'),
    other.vsmcp('wait', '--tool', 'left__note', '--tool', 'eye__note'),
  ])
  // Each is called at the node where it is not.
  const calls = Array.from({ length: 40 }, (_, i) => {
    return i % 2 === 0 ? note(other, 'left', `left ${i}`, 20) : note(host, 'right', `right ${i}`, 20)
  })
  const looking = note(other, 'eye', 'eye', 5_000)
  await eventually('the first to look', async () => begunIn(camera, 'eye')[0])
  await note(host, 'lens', 'lens', 0)
  expect(journalOf(camera).map(({ event, label }) => `${label} ${event}`)).toEqual(['eye begun', 'lens begun', 'lens ended'])
  await Promise.all(calls)
  expectNoOverlap(arm)
  expect(begunIn(arm)).toHaveLength(40)

  await eventually('a first run', async () => begunIn(jobs)[0])
  // What is due is decided within half a second of it: so the new leader finds it undecided, decided, or taken.
  const killMs = Math.ceil((Date.now() + 1_000) / 5_000) * 5_000 + 150
  const holding = note(other, 'left', 'left held', killMs + 4_000 - Date.now())
  await eventually('the claim', async () => begunIn(arm, 'left held')[0])
  const waiting = note(host, 'right', 'right next', 0)
  const claim = async () => (await clientOf(other).claims()).find(({ resource }) => resource === 'arm')
  const before = await eventually('who waits', async () => {
    const found = await claim()
    return found?.waiters.length === 1 ? found : undefined
  })
  await sleep(killMs - Date.now())
  await leader.end('SIGKILL')
  const done = begunIn(jobs).length
  await eventually('the next System 5', async () => {
    const { system5 } = await clientOf(other).status()
    return system5.leader !== null && system5.leader !== leader.ready.peerId ? true : undefined
  })
  if (begunIn(arm, 'right next').length === 0) expect(await claim()).toEqual(before)
  await Promise.all([holding, waiting, looking])
  expectNoOverlap(arm)
  expect(begunIn(arm).slice(-2)).toMatchObject([{ label: 'left held' }, { label: 'right next' }])

  await eventually('runs under the next System 5', async () => (begunIn(jobs).length >= done + 2 ? true : undefined), 60_000)
  const runs = runsOf(await shown(other, 'often'))
  // Of each occurrence one end at most, and no more was begun than was decided; one may be due while this is looked at.
  expect(new Set(runs.map(({ due }) => due)).size).toBe(runs.length)
  const begun = begunIn(jobs)
  expect(begun.length).toBeLessThanOrEqual(runs.length + 1)
  expect(begun.length).toBeGreaterThanOrEqual(runs.filter(({ outcome }) => outcome === 'done').length)
  const slots = begun.map(({ atMs }) => Math.floor(atMs / 5_000))
  expect(new Set(slots).size).toBe(slots.length)
}

/**
 * A holder hangs, and another one is killed: what they held goes to who waits; what the first calls when it is back is not begun, and what the second
 * ran nobody knows the end of. The clocks of all but the one that hangs run 2.5 times as fast as its own, of the 3 that claims allow for.
 */
async function claimsMove(): Promise<void> {
  const fast = clockOf({ rate: 2.5 })
  const { nodes, leader, voters, dir } = await meshOf(['a', 'b', 'c', 'd'], (name) => (name === 'b' ? {} : fast))
  const hung = nth(nodes, 1)
  // Of the three voters one may go.
  const rest = nodes.filter((node) => node !== hung)
  const killed = rest.find(({ ready }) => !voters.includes(ready.peerId)) ?? nth(rest, 2)
  const [waiter] = othersThan(killed, rest)
  const file = (name: string): string => `${dir}/${name}`
  await Promise.all([
    attachJournal(hung, 'arm-1', file('arm-1'), '--claims', 'arm'),
    attachJournal(killed, 'lamp-1', file('lamp-1'), '--claims', 'lamp'),
    attachJournal(killed, 'job', file('job')),
    attachJournal(waiter, 'arm-2', file('arm-2'), '--claims', 'arm'),
    attachJournal(waiter, 'lamp-2', file('lamp-2'), '--claims', 'lamp'),
  ])
  // Who leads has what hosts the tool run it.
  await leader.vsmcp('wait', '--tool', 'job__note')
  const lone = { name: 'lone', cron: EVERY_5_S, tool: 'job__note', args: { label: 'lone', ms: FOR_EVER_MS } }
  await clientOf(killed).addSchedule(lone)
  await eventually('a run', async () => begunIn(file('job'))[0])
  await note(hung, 'arm-1', 'first', 0)
  await note(killed, 'lamp-1', 'first', 0)
  process.kill(hung.pid, 'SIGSTOP')
  onTestFinished(() => void process.kill(hung.pid, 'SIGCONT'))
  await killed.end('SIGKILL')
  // The voters see both gone, call the claims back, and take them away when a holder has surely stopped by its own clock.
  const moved = note(waiter, 'arm-2', 'moved', 3_000)
  await Promise.all([
    note(waiter, 'lamp-2', 'moved', 0),
    eventually('the claim to move', async () => begunIn(file('arm-2'))[0], 90_000),
  ])
  process.kill(hung.pid, 'SIGCONT')
  await expect(note(hung, 'arm-1', 'late', 0, 1_500)).rejects.toMatchObject({ code: 'VSMCP_NOT_SENT' })
  await moved
  await note(hung, 'arm-1', 'again', 0)
  expect(begunIn(file('arm-1')).map(({ label }) => label)).toEqual(['first', 'again'])
  const tokens = (...entries: [string, number][]): number[] =>
    entries.map(([name, at]) => Object.values(begunIn(file(name))[at]?.claims ?? {})[0]?.token ?? 0)
  const armTokens = tokens(['arm-1', 0], ['arm-2', 0], ['arm-1', 1])
  expect(armTokens).toEqual([...new Set(armTokens)].toSorted((x, y) => x - y))
  const lampTokens = tokens(['lamp-1', 0], ['lamp-2', 0])
  expect(lampTokens[1]).toBeGreaterThan(lampTokens[0] ?? Number.POSITIVE_INFINITY)

  const lost = (await shown(waiter, 'lone')).recent.filter(({ outcome }) => outcome === 'unknown')
  expect(lost).toMatchObject([{ attempt: 1, reason: 'its node is gone' }])
  expect(begunIn(file('job'))).toHaveLength(1)
}

/**
 * A node is killed while it runs what is due, and comes back; then all are off for an hour. What was under way is unknown, and begun again only where
 * that does no harm; what was missed is run as declared; a token lower than one seen before is refused by the node that hosts the unit.
 */
async function runsAreLostAndMissed(): Promise<void> {
  const { nodes, leader, dir } = await meshOf(['a', 'b', 'c'])
  const [first, other] = othersThan(leader, nodes)
  const [jobs, arm] = [`${dir}/jobs`, `${dir}/arm`]
  await attachJournal(first, 'job', jobs)
  await attachJournal(first, 'arm', arm, '--claims', 'arm')
  // Who leads has what hosts the tool run it.
  await leader.vsmcp('wait', '--tool', 'job__note')
  const client = clientOf(other)
  const of = (label: string, ms: number) => ({ name: label, tool: 'job__note', args: { label, ms }, timeoutMs: FOR_EVER_MS })
  await client.addSchedule({ ...of('careful', FOR_EVER_MS), cron: EVERY_5_S })
  await client.addSchedule({ ...of('harmless', FOR_EVER_MS), cron: EVERY_5_S, idempotent: true })
  // Twenty, thirty and forty minutes from now.
  const minutes = [20, 30, 40].map((ahead) => new Date(Date.now() + ahead * MINUTE_MS).getUTCMinutes())
  const modes = ['skip', 'once', 'all'] as const
  for (const missed of modes) await client.addSchedule({ ...of(missed, 0), cron: `${minutes.join()} * * * *`, missed })
  await note(first, 'arm', 'before', 0)
  const seen = begunIn(arm)[0]?.claims?.['arm']
  if (seen === undefined) throw new Error('it was called under a token')
  await eventually('both runs', async () => (new Set(begunIn(jobs).map(({ label }) => label)).size === 2 ? true : undefined))
  await first.end('SIGKILL')

  // As if the resource had been used here under a higher token, which comes to be granted later.
  const higher = { epoch: seen.epoch, token: seen.token + 100 }
  const store = await openStore({ dir: first.dataDir })({ clock: systemClock, logger: silentLogger })
  const value = Buffer.from(JSON.stringify({ alone: higher }))
  await store.kv('claims').write([{ type: 'put', key: 'arm', value }], { sync: true })
  await store.stop()
  const host = await again(first)
  await eventually('the runs that come after', async () => (begunIn(jobs).length === 4 ? true : undefined), 40_000)
  const running = async (label: string) => {
    const schedule = await shown(other, label)
    return schedule.running?.state === 'running' ? runsOf(schedule) : undefined
  }
  const careful = await eventually('the next occurrence', async () => running('careful'))
  expect(careful).toMatchObject([
    { outcome: 'unknown', attempt: 1 },
    { outcome: 'running', attempt: 1 },
  ])
  expect(careful[1]?.due).not.toBe(careful[0]?.due)
  const harmless = await eventually('the second attempt', async () => running('harmless'))
  const { due } = nth(harmless, 0)
  expect(harmless).toEqual([
    { due, outcome: 'unknown', attempt: 1 },
    { due, outcome: 'running', attempt: 2 },
  ])
  for (const label of ['careful', 'harmless']) {
    expect(begunIn(jobs, label)).toHaveLength(2)
    const lost = (await shown(other, label)).recent.filter(({ outcome }) => outcome === 'unknown')
    expect(lost).toMatchObject([{ reason: 'its node ended while it ran' }])
  }
  await note(other, 'arm', 'after', 0)
  expect(begunIn(arm, 'after')[0]?.claims?.['arm']?.token).toBeGreaterThanOrEqual(higher.token)

  for (const label of ['careful', 'harmless']) await client.removeSchedule(label)
  await Promise.all([leader, host, other].map((node) => node.end('SIGKILL')))
  const later = clockOf({ aheadMs: 55 * MINUTE_MS })
  // Nobody decides while one is up alone: by then its unit is ready, and a run does not fail for want of it.
  const alone = await again(host, later)
  await eventually('the unit to be ready', async () => {
    const units = (await alone.vsmcp('units')) as readonly {
      readonly name: string
      readonly local: boolean
      readonly state: string
    }[]
    const own = units.filter(({ local }) => local)
    return own.length > 0 && own.every(({ state }) => state === 'ready') ? true : undefined
  })
  const [, witness] = await Promise.all([leader, other].map((node) => again(node, later)))
  if (witness === undefined) throw new Error('three nodes were started')
  const missed = await eventually('what was missed', async () => {
    const found = await Promise.all(modes.map((mode) => shown(witness, mode)))
    const isOver = found.every(({ recent, running: now, waiting }) => recent.length > 0 && now === null && waiting === 0)
    return isOver ? found : undefined
  })
  const became = missed.map(({ recent }) =>
    recent.map(({ outcome, count = 1, reason }) => `${outcome} ${outcome === 'failed' ? reason : count}`).toReversed(),
  )
  expect(became).toEqual([['skipped 3'], ['skipped 2', 'done 1'], ['done 1', 'done 1', 'done 1']])
  expect(modes.map((mode) => begunIn(jobs, mode).length)).toEqual([0, 1, 3])
}

// Most of all that is waiting, so they wait together.
it('schedules and claims hold across processes that are killed, hang, and come back', async () => {
  await Promise.all([theNextLeaderGoesOn(), claimsMove(), runsAreLostAndMissed()])
}, 240_000)
