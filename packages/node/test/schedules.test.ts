import { NotEndorsedError } from '@vsmcp/consensus'
import { type Clock, systemClock, telemetry } from '@vsmcp/kernel'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ScheduleRequest, ScheduleView } from '../src/system2/contract.ts'
import { schedulesView } from '../src/system2/schedules-view.ts'
import { Timetables } from '../src/system2/timetables.ts'
import { followersOf, foundMesh, joinNode, leaderOf, startGroup, type TestNode, until } from './support/group.ts'
import { attach } from './support/servers.ts'

/** Five seconds of the day pass in one: what is due does not keep a test waiting. */
const BEGUN_MS = systemClock.wallMs()
const clock: Clock = { ...systemClock, wallMs: () => BEGUN_MS + 5 * (systemClock.wallMs() - BEGUN_MS) }

const EVERY_FIVE = '*/5 * * * * *'

function request(change: Partial<ScheduleRequest> = {}): ScheduleRequest {
  return { name: 'job', cron: EVERY_FIVE, tool: 'unit__sum', args: { a: 1, b: 2 }, ...change }
}

const view = ({ log }: TestNode): ScheduleView | undefined => schedulesView(log.state, new Timetables(), (peer) => peer)[0]

/** What ended by itself, newest first. */
const ended = (node: TestNode): ScheduleView['recent'] =>
  (view(node)?.recent ?? []).filter(({ outcome }) => outcome !== 'skipped')

async function attached(nodes: readonly TestNode[], at: TestNode): Promise<void> {
  await at.units.attach(attach('unit', 'legacy-server'))
  for (const node of nodes) await until(node, () => node.catalog.findTool('unit__sum') !== undefined)
}

describe('a schedule', () => {
  it('is run where its tool is, goes on under the next leader, and shows what became of it', async () => {
    const nodes = await startGroup(3, { clock })
    const leader = leaderOf(nodes)
    const [one, other] = followersOf(nodes)
    const told: object[] = []
    onTestFinished(telemetry('vsmcp:system2:occurrence').subscribe((event) => told.push(event)))
    await attached(nodes, one)
    const added = await other.schedules.add(request())
    expect(added).toMatchObject({ outcome: 'added', warnings: [] })
    expect(added.next).toHaveLength(3)
    expect(await other.schedules.add(request())).toMatchObject({ outcome: 'unchanged' })
    await expect(other.schedules.add(request({ missed: 'all' }))).rejects.toMatchObject({ code: 'VSMCP_NODE_SCHEDULE_EXISTS' })
    await until(one, () => ended(one).length > 0)
    expect((await one.schedules.list())[0]).toMatchObject({ name: 'job', next: expect.any(String) })
    expect(ended(one)[0]).toMatchObject({ outcome: 'done', node: one.peer, attempt: 1, reason: '' })
    expect(told[0]).toMatchObject({ schedule: 'job', attempt: 1, outcome: 'done' })
    await leader.stop()
    const before = ended(one)[0]?.due
    await until(one, () => ended(one)[0]?.due !== before)
    const dues = ended(one).map(({ due }) => due)
    expect(new Set(dues).size).toBe(dues.length)
    for (const due of dues) expect(Date.parse(due) % 5_000).toBe(0)
    await one.schedules.remove('job')
    expect(await one.schedules.list()).toEqual([])
    await expect(one.schedules.remove('job')).rejects.toMatchObject({ code: 'VSMCP_NODE_SCHEDULE_UNKNOWN' })
  }, 120_000)

  it('goes on by the clocks of most when the clock of who leads is an hour ahead, and that is pain', async () => {
    let aheadMs = 0
    const fast: Clock = { ...clock, wallMs: () => clock.wallMs() + aheadMs }
    const leader = await foundMesh('a', { clock: fast })
    const others = [await joinNode(leader, 'b', { clock }), await joinNode(leader, 'c', { clock })] as const
    await until(leader, () => leader.log.status()?.configuration.voters.length === 3)
    await attached([leader, ...others], others[0])
    await leader.schedules.add(request())
    aheadMs = 3_600_000
    // Once both have reported again, it knows.
    const waiting = { timeout: 30_000 }
    await expect.poll(() => [...leader.clocks.aheadMs.values()].filter((ms) => ms < -3_000_000).length, waiting).toBe(2)
    const decidedToMs = (): number => leader.log.state?.schedules.get('job')?.decidedToMs ?? Number.NaN
    await until(leader, () => ended(leader).length > 1)
    expect(decidedToMs()).toBeLessThan(clock.wallMs() + 10_000)
    const subject = 'the clock of this node is not that of most others'
    await expect.poll(() => leader.alertsView.list({ all: false }).map((alert) => alert.subject), waiting).toContain(subject)

    // It could not even if it wished to.
    const schedule = leader.log.state?.schedules.get('job')
    if (schedule === undefined) expect.fail('it is scheduled')
    const { addedAtIndex } = schedule
    const operation = { op: 'occurrence:due', name: 'job', addedAtIndex, times: [], skips: [], executor: leader.peer } as const
    const early = { ...operation, decidedToMs: Math.floor(fast.wallMs()) - 1_000 }
    await expect(leader.endorsing.forOperation(early)).rejects.toThrow(NotEndorsedError)
    await expect(leader.decisions.decideHere(early)).rejects.toMatchObject({ message: expect.stringContaining('not endorsed') })
    expect(decidedToMs()).toBeLessThan(clock.wallMs() + 10_000)
  }, 120_000)

  it('that overruns itself skips what becomes due meanwhile, and ends as unknown when its server dies', async () => {
    const node = await foundMesh('a', { clock })
    await attached([node], node)
    await node.schedules.add(request({ tool: 'unit__wait', args: { name: 'x' } }))
    const overrun = () => view(node)?.recent.find(({ reason }) => reason === 'the occurrence before was not over')
    await until(node, () => overrun() !== undefined)
    expect(view(node)?.running).toMatchObject({ state: 'running', node: node.peer, attempt: 1 })
    expect(overrun()).toMatchObject({ outcome: 'skipped' })
    expect(Date.parse(overrun()?.due ?? '')).toBeGreaterThan(Date.parse(view(node)?.running?.due ?? ''))
    await node.units.detach('unit')
    await until(node, () => ended(node).length > 0)
    expect(ended(node).at(-1)).toMatchObject({ outcome: 'unknown', attempt: 1 })
  }, 120_000)

  it('whose run is cut off by a crash of what runs it ends as unknown, and is not begun again', async () => {
    const node = await foundMesh('a', { clock })
    await attached([node], node)
    await node.schedules.add(request({ tool: 'unit__wait', args: { name: 'x' } }))
    await until(node, () => view(node)?.running?.state === 'running')
    const due = view(node)?.running?.due
    await expect.poll(() => node.units.get('unit')?.counters().inFlight, { timeout: 60_000 }).toBe(1)
    await node.occurrences.stop()
    await node.occurrences.start()
    await until(node, () => ended(node).length > 0)
    expect(ended(node).at(-1)).toMatchObject({ due, outcome: 'unknown', reason: 'its node ended while it ran', attempt: 1 })
  }, 120_000)

  it('whose tool nobody offers is added with a warning, and its runs fail with the reason', async () => {
    const node = await foundMesh('a', { clock })
    expect((await node.schedules.add(request({ tool: 'nobody__has', timeoutMs: 1_000 }))).warnings).toEqual([
      'nobody offers nobody__has now: runs fail until somebody does',
    ])
    await until(node, () => ended(node).length > 0)
    expect(ended(node)[0]).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('nobody__has') })
    // A run waits for its tool, and asks again and again: it lacks it once. One more may have begun.
    const [lacked] = node.variety.meter.unmet()
    expect(lacked).toMatchObject({ tool: 'nobody__has', cause: 'unknown' })
    expect(lacked?.calls).toBeLessThanOrEqual(ended(node).length + 1)
  }, 120_000)

  it('is refused when it says nothing that could be done', async () => {
    const node = await foundMesh('a', { clock })
    const refused = async (change: Partial<ScheduleRequest>): Promise<string> =>
      node.schedules.add(request(change)).then(
        () => 'added',
        (error: Error) => error.message,
      )
    expect(await refused({ name: 'a b' })).toContain("cannot be a schedule's name")
    expect(await refused({ cron: 'soon' })).toContain('is no schedule')
    expect(await refused({ cron: '* * * * * *' })).toContain('apart')
    expect(await refused({ cron: '0 0 30 2 *' })).toContain('never comes again')
    expect(await refused({ timezone: 'Mars/Olympus' })).toContain('Mars/Olympus')
    expect(await refused({ node: 'nobody' })).toContain('no member nobody')
    expect(await refused({ args: { text: 'x'.repeat(5_000) } })).toContain('4096')
    expect(await node.schedules.list()).toEqual([])
  }, 60_000)
})
