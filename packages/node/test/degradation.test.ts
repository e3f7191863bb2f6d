import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, systemClock, telemetry } from '@vsmcp/kernel'
import type { RoutedRequest } from '@vsmcp/mcp'
import { describe, expect, it, onTestFinished } from 'vitest'
import { DEGRADATION_LAG_LOOK_MS } from '../src/constants.ts'
import { PausedError, ShedError } from '../src/errors.ts'
import { FailingStorage } from './support/failing-storage.ts'
import { foundMesh, startGroup, type TestNode, until } from './support/group.ts'
import { attach } from './support/servers.ts'

const grace = { timeout: 30_000 }

/** How late timers come is looked at by one test alone: the machine may be busy with others. */
const unhurried: Clock = {
  ...systemClock,
  every: (periodMs, fn) => (periodMs === DEGRADATION_LAG_LOOK_MS ? { cancel: () => {} } : systemClock.every(periodMs, fn)),
}

/** The node's seconds pass in fifths of one, too: what takes a while is not waited for. */
const SPEED = 5
const BEGUN_MS = systemClock.monotonicMs()
const fast: Clock = {
  wallMs: () => systemClock.wallMs(),
  monotonicMs: () => BEGUN_MS + SPEED * (systemClock.monotonicMs() - BEGUN_MS),
  after: (delayMs, fn) => systemClock.after(delayMs / SPEED, fn),
  every: (periodMs, fn) => {
    if (periodMs === DEGRADATION_LAG_LOOK_MS) return { cancel: () => {} }
    return systemClock.every(periodMs / SPEED, fn)
  },
}

function request(tool: string, args: object, change: Partial<RoutedRequest> = {}): RoutedRequest {
  return {
    method: 'tools/call',
    target: tool,
    paramsJson: JSON.stringify({ name: tool, arguments: args }),
    deadlineMs: 600_000,
    signal: new AbortController().signal,
    onNotification: () => {},
    ...change,
  }
}

/** So many callers at once, each calling again as soon as it is answered. @returns how often each thing happened, and what ends it */
function callers(node: TestNode, tool: string, count: number, ms: number) {
  const seen = { served: 0, servedLastBeganMs: 0, shed: 0, other: [] as unknown[] }
  const over = new AbortController()
  const call = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const beganMs = systemClock.monotonicMs()
      try {
        await node.router.request(request(tool, { ms }))
        seen.served++
        seen.servedLastBeganMs = Math.max(seen.servedLastBeganMs, beganMs)
      } catch (error) {
        if (error instanceof ShedError) seen.shed++
        else seen.other.push(error)
        // As a caller would that is told to come again.
        await sleep(20)
      }
    }
  }
  const calling = Promise.all(Array.from({ length: count }, call))
  const end = async (): Promise<void> => {
    over.abort()
    await calling
  }
  onTestFinished(end)
  return { seen, end }
}

describe('a node that cannot do all', () => {
  it('lists units as known last while their nodes, or System 5, are away, and says so', async () => {
    const [a, b, c] = (await startGroup(3, { clock: unhurried })) as [TestNode, TestNode, TestNode]
    await b.units.attach(attach('u', 'hostile-server'))
    await until(a, () => a.catalog.units.length === 1)
    expect(a.degradation.view).toMatchObject({ step: 'normal', reasons: [], paused: [], shed: 0 })
    await b.stop()
    await expect
      .poll(() => a.degradation.view, grace)
      .toMatchObject({
        step: 'cached',
        reasons: ['1 unit is listed as it was known last, not reached'],
        paused: [],
      })
    expect(a.router.listing().tools.map(({ name }) => name)).toContain('tool')
    await c.stop()
    await expect
      .poll(() => a.degradation.view.reasons, grace)
      .toContain('there is no System 5, the group is as it was decided last')
  }, 90_000)

  it('begins nothing that can wait while its disk refuses writes, and does again when it accepts them', async () => {
    let disk: FailingStorage | undefined
    const node = await foundMesh('a', { clock: fast, storage: (storage) => (disk = new FailingStorage(storage)) })
    if (disk === undefined) expect.fail('the node has a disk')
    const told: object[] = []
    onTestFinished(telemetry('vsmcp:system3:degradation').subscribe((event) => told.push(event)))
    disk.refuses = true
    const asked = node.decisions.decide({ op: 'unit:claim', unit: 'u', peer: node.peer }, 20_000).catch(() => {})
    await expect.poll(() => node.degradation.step, grace).toBe('reduced')
    expect(node.degradation.view).toMatchObject({ paused: ['audits', 'feeds', 'forecasts', 'simulations'] })
    expect(node.degradation.view.reasons).toContain('its disk refuses writes')
    expect(() => node.degradation.assertMayBegin('a simulation')).toThrow(PausedError)
    disk.refuses = false
    await expect.poll(() => node.degradation.step, grace).toBe('normal')
    node.degradation.assertMayBegin('a simulation')
    await asked
    expect(told[0]).toMatchObject({ step: 'reduced', before: 'normal' })
    expect(told.at(-1)).toEqual({ step: 'normal', before: 'cached', reasons: [] })
  }, 90_000)

  it('begins nothing that can wait while its event loop is late', async () => {
    const node = await foundMesh('a')
    let isBusy = true
    onTestFinished(() => void (isBusy = false))
    const burn = (): void => {
      const untilMs = systemClock.monotonicMs() + 350
      while (systemClock.monotonicMs() < untilMs);
      if (isBusy) setTimeout(burn, 30)
    }
    burn()
    await expect
      .poll(() => node.degradation.view, grace)
      .toMatchObject({
        step: 'reduced',
        reasons: [expect.stringMatching(/^its timers come \d+ ms late$/)],
      })
  }, 90_000)

  it('serves essential units alone under overload, tells others plainly, and serves all again when it is over', async () => {
    const node = await foundMesh('a', { clock: fast, init: { capacity: { concurrency: 4 } } })
    await node.units.attach(attach('work', 'hostile-server', ['slow'], { terms: { concurrency: 64 } }))
    await node.units.attach(attach('vital', 'hostile-server', ['slow'], { terms: { essential: true } }))
    const work = callers(node, 'work__tool', 16, 50)
    await expect
      .poll(() => node.degradation.view, grace)
      .toMatchObject({
        step: 'essential',
        reasons: [expect.stringMatching(/^its units are asked for [\d.]+ times what it has/)],
      })
    await expect.poll(() => work.seen.shed, grace).toBeGreaterThan(10)
    expect(node.degradation.view.shed).toBeGreaterThan(0)
    // What was begun before ends well.
    await expect.poll(() => node.units.get('work')?.counters(), grace).toMatchObject({ inFlight: 0, queued: 0 })
    const shedMs = systemClock.monotonicMs()
    for (let i = 0; i < 20; i++) await node.router.request(request('vital__tool', { ms: 1 }))
    // What is refused counts as asked for: it does not let them in again while as many ask.
    expect(node.degradation.step).toBe('essential')
    expect(work.seen.servedLastBeganMs).toBeLessThan(shedMs)
    expect(work.seen.other).toEqual([])
    const subject = 'this node serves only what is essential'
    const alerts = (): string[] => node.alertsView.list({ all: false }).map((alert) => alert.subject)
    await expect.poll(alerts, grace).toContain(subject)
    await work.end()
    await expect.poll(() => node.degradation.step, grace).toBe('normal')
    await node.router.request(request('work__tool', { ms: 1 }))
    await expect.poll(alerts, grace).not.toContain(subject)
  }, 90_000)

  it('refuses nobody for want of capacity where nothing is essential', async () => {
    const node = await foundMesh('a', { clock: fast, init: { capacity: { concurrency: 4 } } })
    await node.units.attach(attach('work', 'hostile-server', ['slow'], { terms: { concurrency: 64 } }))
    const work = callers(node, 'work__tool', 16, 50)
    await expect.poll(() => node.degradation.step, grace).toBe('reduced')
    const { served } = work.seen
    await expect.poll(() => work.seen.served, grace).toBeGreaterThan(served + 100)
    expect(work.seen).toMatchObject({ shed: 0, other: [] })
    expect(node.degradation.step).toBe('reduced')
  }, 90_000)

  it('tells a caller at another node that the call was shed', async () => {
    const [near, far] = (await startGroup(2)) as [TestNode, TestNode]
    await far.units.attach(attach('u', 'hostile-server'))
    await until(near, () => near.catalog.units.length === 1)
    const refused = new ShedError('only the essential')
    far.degradation.assertServed = () => {
      throw refused
    }
    await expect(near.router.request(request('u__tool', {}))).rejects.toBeInstanceOf(ShedError)
  }, 60_000)
})
