import { telemetry } from '@vsmcp/kernel'
import { organ, type Signal } from '@vsmcp/vsm'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { AlertEvent, AlertView } from '../src/algedonic/contract.ts'
import { AlertRefusedError, AlertUnknownError } from '../src/errors.ts'
import { deskOf, operatorOf, policySet } from './support/operator.ts'
import { attach } from './support/servers.ts'
import { followersOf, leaderOf, sameAddresses, startGroup, startNode, type TestNode, until } from './support/group.ts'

const pain = (change: Partial<Signal> = {}): Signal => ({
  feeling: 'pain',
  severity: 'critical',
  source: organ('system3'),
  subject: 'the disk is full',
  text: 'no space left on device',
  ...change,
})

const open = (node: TestNode): AlertView[] => node.alertsView.list({ all: false })
const alertOf = (node: TestNode, id: string): AlertView | undefined => node.alertsView.find(id)

/** Resolves with the first event that fits. */
function heard(node: TestNode, fits: (event: AlertEvent) => boolean): Promise<AlertEvent> {
  const { promise, resolve } = Promise.withResolvers<AlertEvent>()
  node.alertsView.onEvent((event) => {
    if (fits(event)) resolve(event)
  })
  return promise
}

function idOf(felt: ReturnType<TestNode['algedonic']['feel']>): string {
  if (felt.outcome === 'refused') throw new Error(felt.reason)
  return felt.id
}

describe('an alert', () => {
  it('is the same on every node, outlives the leader, and is over everywhere once anybody resolves it', async () => {
    const nodes = await startGroup(3)
    const leader = leaderOf(nodes)
    const [one, other] = followersOf(nodes)
    const heardOf: string[] = []
    const { subject } = pain()
    onTestFinished(
      telemetry('vsmcp:algedonic:alert').subscribe((told) => {
        if (told.subject === subject) heardOf.push(`${told.event} ${told.level}`)
      }),
    )
    const id = idOf(one.algedonic.feel(pain()))
    await Promise.all(nodes.map((node) => until(node, () => alertOf(node, id)?.decided === true)))
    for (const node of nodes) {
      expect(open(node)).toMatchObject([{ id, level: 'group', state: 'open', node: one.peer, nodeName: one.name, count: 1 }])
    }
    // By its own node twice, then by each of the three.
    expect(heardOf).toEqual(['raised node', 'climbed group', ...nodes.map(() => 'raised group')])
    await other.alerts.acknowledge({ id, reason: 'Ada is on it' })
    await leader.stop()
    await until(other, () => [one.peer, other.peer].includes(other.log.status()?.leader ?? ''))
    expect(alertOf(other, id)).toMatchObject({ state: 'acknowledged', acknowledged: { by: other.peer, reason: 'Ada is on it' } })
    const over = heard(one, ({ event }) => event === 'over')
    await other.alerts.resolve({ id, reason: 'new disk' })
    expect(await over).toMatchObject({ alert: { id, over: { byName: other.name, reason: 'new disk' } } })
    expect(one.algedonic.held).toEqual([])
    expect(open(one)).toEqual([])
    await expect(one.alerts.resolve({ id: 'nothing', reason: 'x' })).rejects.toThrow(AlertUnknownError)
  })

  it('of a member that writes impossible times is shown on every node, with the others, and can be resolved', async () => {
    const nodes = await startGroup(2)
    const [one, other] = nodes as [TestNode, TestNode]
    const beyond = Number.MAX_SAFE_INTEGER
    const what = {
      feeling: 'pain',
      severity: 'high',
      origin: 'organ',
      system: 'system3',
      subject: 'bad',
      text: '',
      count: 1,
    } as const
    await other.decisions.decide({ op: 'alert:raise', id: 'bad', ...what, onsetMs: beyond, lastMs: beyond })
    const id = idOf(one.algedonic.feel(pain()))
    for (const node of nodes) {
      await until(node, () => node.log.state?.alerts.has('bad') === true && alertOf(node, id)?.decided === true)
      expect(alertOf(node, 'bad')).toMatchObject({ onset: '+275760-09-13T00:00:00.000Z', state: 'open' })
      expect(node.alertsView.counts()).toMatchObject({ open: 2 })
    }
    await one.alerts.resolve({ id: 'bad', reason: 'nonsense' })
    expect(alertOf(one, 'bad')).toMatchObject({ state: 'over' })
  })

  it('is kept while there is no System 5, over a restart of its node, and delivered to the next', async () => {
    const [first, second] = (await startGroup(2)) as [TestNode, TestNode]
    const back = sameAddresses(first)
    await first.stop()
    await until(second, () => second.log.status()?.leader === undefined)
    const id = idOf(second.algedonic.feel(pain()))
    expect(alertOf(second, id)).toMatchObject({ decided: false, level: 'group', state: 'open' })
    await second.stop()
    const again = await startNode(second.dir, sameAddresses(second))
    expect(again.algedonic.held).toMatchObject([{ id, subject: 'the disk is full' }])
    const system5 = await startNode(first.dir, back)
    await until(system5, () => alertOf(system5, id) !== undefined)
    expect(alertOf(system5, id)).toMatchObject({ decided: true, node: again.peer })
    await until(again, () => alertOf(again, id)?.decided === true)
    const over = heard(system5, ({ event, alert }) => event === 'over' && alert.id === id)
    again.algedonic.relieve(pain(), 'space again')
    expect((await over).alert).toMatchObject({ over: { by: again.peer, reason: 'space again' } })
    const glad = expect.objectContaining({ feeling: 'pleasure', subject: 'well again: the disk is full', text: 'space again' })
    await expect.poll(() => system5.alertsView.list({ all: true })).toContainEqual(glad)
  })

  it('climbs to the group, and above it, when the terms that the policy sets are over', async () => {
    const nodes = await startGroup(2)
    const [founder, source] = nodes as [TestNode, TestNode]
    const terms = { node: { low: '20ms' }, group: { low: '20ms', high: 'soon' } }
    await deskOf(founder).change(policySet(await operatorOf(founder), { alertTerms: terms }, 1))
    await until(source, () => source.log.state?.charter.policyVersion === 2)
    const climbed = heard(source, ({ event, alert }) => event === 'climbed' && alert.level === 'above')
    const id = idOf(source.algedonic.feel(pain({ severity: 'low' })))
    expect(alertOf(source, id)).toMatchObject({ level: 'node', decided: false })
    expect((await climbed).alert).toMatchObject({ id, state: 'open', due: null })
    expect(source.alertsView.counts()).toEqual({ open: 1, grave: 0, acknowledged: 0, critical: 0, overdue: 1 })
  })
})

describe('people and clients', () => {
  it('reach System 5 at once; a flood of theirs is refused, and is one alert', async () => {
    const [node] = (await startGroup(1)) as [TestNode]
    const raise = (subject: string) =>
      node.alerts.raise({ feeling: 'pain', severity: 'low', subject, text: '', unit: 'files' }, 'client')
    expect(await raise('wrong sums')).toMatchObject({ outcome: 'raised', decided: true })
    expect(await raise('wrong sums')).toMatchObject({ outcome: 'repeated', decided: true })
    let refused = 0
    for (let i = 0; i < 40; i++) {
      try {
        await raise(`trouble ${i}`)
      } catch (error) {
        expect(error).toBeInstanceOf(AlertRefusedError)
        refused++
      }
    }
    expect(refused).toBe(33)
    expect(open(node).find(({ origin }) => origin === 'organ')).toMatchObject({ subject: 'too many alerts of client', count: 33 })
    expect(await node.alerts.raise({ feeling: 'pleasure', severity: 'high', subject: 'fine', text: '' }, 'person')).toMatchObject(
      {
        outcome: 'noted',
        decided: true,
      },
    )
    expect(node.alertsView.list({ all: true })).toContainEqual(expect.objectContaining({ feeling: 'pleasure', state: 'over' }))
    await expect(
      node.alerts.raise({ feeling: 'pain', severity: 'low', subject: 'x', text: '', unit: 'No Unit' }, 'client'),
    ).rejects.toMatchObject({ code: 'VSMCP_INVALID_ARGUMENT' })
  })

  it('have a tool of the mesh’s own for it, listed behind all others on every node', async () => {
    const [node] = (await startGroup(1)) as [TestNode]
    expect(node.router.listing().tools.map(({ name }) => name)).toEqual(['vsmcp__alert'])
    expect(node.router.listing()).toBe(node.router.listing())
    const call = async (args: object): Promise<unknown> => {
      const reply = await node.router.request({
        method: 'tools/call',
        target: 'vsmcp__alert',
        paramsJson: JSON.stringify({ name: 'vsmcp__alert', arguments: args }),
        deadlineMs: 10_000,
        signal: new AbortController().signal,
        onNotification: () => {},
      })
      return 'resultJson' in reply ? JSON.parse(reply.resultJson) : reply.error
    }
    expect(await call({ subject: 'nonsense', severity: 'critical', unit: 'files' })).toMatchObject({
      isError: false,
      content: [{ text: expect.stringMatching(/^alert [0-9a-f]{12} raised: System 5 has it$/) as string }],
    })
    expect(open(node)).toMatchObject([{ origin: 'client', unit: 'files', severity: 'critical', decided: true }])
    for (const args of [
      {},
      { subject: '' },
      { subject: 'x', severity: 'fatal' },
      { subject: 'x', unit: 'A B' },
      { subject: 'x', y: 1 },
    ]) {
      await expect(call(args)).rejects.toMatchObject({ code: 'VSMCP_INVALID_ARGUMENT' })
    }
    for (let i = 0; i < 8; i++) await call({ subject: `${i}` })
    expect(await call({ subject: 'one too many' })).toMatchObject({ isError: true })
    await expect(node.units.attach(attach('vsmcp', 'modern-server'))).rejects.toThrow(/what the mesh itself offers/)
  })

  it('watch what is open, then what becomes of it, until they go away', async () => {
    const [node] = (await startGroup(1)) as [TestNode]
    const id = idOf(node.algedonic.feel(pain()))
    await node.algedonic.answered(id)
    const away = new AbortController()
    const seen: string[] = []
    for await (const { event, alert } of node.alerts.watch({ signal: away.signal })) {
      seen.push(`${event} ${alert.subject}`)
      if (event === 'open') node.algedonic.remedy(pain(), 'well')
      if (event === 'over') away.abort()
    }
    expect(seen).toEqual(['open the disk is full', 'over the disk is full'])
  })
})
