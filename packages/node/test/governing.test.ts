import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { PolicyInvalidError, ProposalRefusedError, ProposalUnknownError } from '../src/errors.ts'
import { foundMesh, leaderOf, startGroup, startNode, type TestNode } from './support/group.ts'
import { deskOf, operatorOf, policySet } from './support/operator.ts'
import { attach } from './support/servers.ts'

/** Whatever the machine does meanwhile. */
const grace = { timeout: 60_000, interval: 50 }

/** Of one call, milliseconds, and how many callers there are: with one call at a time each waits for all others. */
const SERVICE_MS = 60
const CALLERS = 10
const TARGET_MS = SERVICE_MS * CALLERS * 0.75

async function setPolicies(founder: TestNode, policies: Record<string, unknown>): Promise<void> {
  const { policyVersion } = await deskOf(founder).show()
  await deskOf(founder).change(policySet(await operatorOf(founder), policies, policyVersion))
}

/** Calls all the time, until it is stopped or the test ends; and windows are measured in a row. */
function underLoad(node: TestNode, unit: string): () => Promise<void> {
  const over = new AbortController()
  const paramsJson = JSON.stringify({ name: 'tool', arguments: { ms: SERVICE_MS } })
  const call = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await node.units.get(unit)?.request({ method: 'tools/call', paramsJson, deadlineMs: 30_000 })
      await nextTurn()
    }
  }
  const calling = Promise.allSettled(Array.from({ length: CALLERS }, call))
  const windows = setInterval(() => node.operations.report(), SERVICE_MS * 12)
  const proposing = setInterval(() => void node.proposing.look(), 500)
  const stop = async (): Promise<void> => {
    over.abort()
    clearInterval(windows)
    clearInterval(proposing)
    await calling
  }
  onTestFinished(stop)
  return stop
}

describe('System 5 of the group', () => {
  it(
    'gives a unit that misses its target what it lacks: proposed by its node, decided by the leader, obeyed in the bargain, its effect seen',
    { timeout: 120_000 },
    async () => {
      const nodes = await startGroup(2)
      const [founder] = nodes as [TestNode, TestNode]
      const leader = leaderOf(nodes)
      const host = nodes.find((node) => node !== leader) ?? founder
      await setPolicies(founder, { system5: { accept: { concurrency: 8 }, check: '30s' } })
      await host.units.attach(attach('busy', 'hostile-server', ['slow'], { terms: { concurrency: 1, targetP99Ms: TARGET_MS } }))
      underLoad(host, 'busy')
      await expect.poll(() => host.bargaining.ordersFor('busy')?.concurrency ?? 0, grace).toBeGreaterThanOrEqual(2)
      await expect.poll(() => host.units.get('busy')?.limits.concurrency ?? 0, grace).toBeGreaterThanOrEqual(2)
      const [given] = leader.proposals.list({ all: true })
      expect(given).toMatchObject({
        level: 'group',
        from: 'system3',
        kind: 'concurrency',
        subject: 'busy',
        held: 1,
        asked: 2,
        nodeName: host.name,
        decision: { verdict: 'accepted', by: 'policy', authorName: leader.name, clause: 'policy.accept' },
      })
      expect(given?.effect).toMatchObject({ metric: 'latency', goal: TARGET_MS })
      expect(given?.effect.before).toBeGreaterThan(TARGET_MS)
      await expect.poll(() => leader.proposals.list({ all: true })[0]?.closure?.outcome, grace).toBe('met')
      expect(leader.proposals.list({ all: true })[0]?.closure?.measured).toBeLessThanOrEqual(TARGET_MS)
      expect(leader.proposals.balance().system3.resourced).toBe(1)
    },
  )

  it('leaves to a person what the policies leave to one; the host refuses what the identity has come to forbid, and it hurts', async () => {
    const nodes = await startGroup(2)
    const [founder] = nodes as [TestNode, TestNode]
    const host = nodes.find((node) => node !== leaderOf(nodes)) ?? founder
    const finder = leaderOf(nodes)
    await host.units.attach(attach('mail', 'hostile-server', ['slow']))
    await expect.poll(() => finder.log.state?.units.has('mail'), grace).toBe(true)
    const effect = { metric: 'in-flight', before: 4, goal: 1 } as const
    const evidence = { probability: 0.999999, samples: 16, figures: [], text: 'latency: claimed 3 ms, found 90 ms' }
    const content = {
      from: 'system3',
      kind: 'quarantine',
      subject: 'mail',
      at: host.peer,
      asked: 1,
      held: 4,
      effect,
      evidence,
    } as const
    await finder.decisions.decide({ op: 'proposal:make', id: 'aaa', ...content, expiresAtMs: Date.now() + 600_000 })
    await expect.poll(() => finder.proposals.list({ all: false })[0]?.state, grace).toBe('person')
    expect(finder.proposals.counts()).toEqual({ waiting: 1, person: 1, inForce: 0 })
    await expect(finder.proposals.decide({ id: 'zzz', accept: true, reason: 'x' })).rejects.toThrow(ProposalUnknownError)
    const decided = await host.proposals.decide({ id: 'aaa', accept: true, reason: 'three nodes saw it' })
    expect(decided).toMatchObject({
      state: 'in-force',
      decision: { by: 'person', authorName: host.name, reason: 'three nodes saw it' },
    })
    await expect.poll(() => host.bargaining.ordersFor('mail')?.isQuarantined, grace).toBe(true)
    await expect.poll(() => host.units.get('mail')?.limits.concurrency, grace).toBe(1)

    await setPolicies(founder, { identity: { name: 'mill', purpose: 'grinds', keep: ['mail'] } })
    await expect.poll(() => finder.proposals.list({ all: true })[0]?.state, grace).toBe('disobeyed')
    expect(finder.proposals.list({ all: true })[0]?.closure?.reason).toContain('identity.keep')
    expect(host.bargaining.ordersFor('mail')).toBeUndefined()
    expect(host.algedonic.held.map(({ subject }) => subject)).toContain('a directive for mail is not obeyed')
  }, 60_000)
})

describe('System 5 of a node, for itself', () => {
  it(
    'gives the unit that misses its target more weight, without asking the group, and goes on so after a restart',
    { timeout: 120_000 },
    async () => {
      const node = await foundMesh('a', { init: { capacity: { concurrency: 8 } } })
      await node.units.attach(attach('busy', 'hostile-server', ['slow'], { terms: { targetP99Ms: SERVICE_MS * 1.2 } }))
      await node.units.attach(attach('rival', 'hostile-server', ['slow']))
      const loads = [underLoad(node, 'busy'), underLoad(node, 'rival')]
      const limits = (): number => node.units.get('busy')?.limits.concurrency ?? 0
      await expect.poll(limits, grace).toBe(4)
      await expect.poll(() => node.bargaining.ordersFor('busy')?.weight, grace).toBe(2)
      await expect.poll(limits, grace).toBeGreaterThan(4)
      const [own] = node.proposals.list({ all: true })
      expect(own).toMatchObject({
        level: 'node',
        kind: 'weight',
        held: 1,
        asked: 2,
        decision: { verdict: 'accepted', by: 'policy' },
      })
      expect([...(node.log.state?.proposals ?? [])].filter(([, { asked }]) => asked <= 2)).toEqual([])
      await Promise.all(loads.map((stop) => stop()))
      await node.stop()
      const again = await startNode(node.dir, { init: { capacity: { concurrency: 8 } } })
      await expect.poll(() => again.bargaining.ordersFor('busy')?.weight, grace).toBe(2)
    },
  )
})

describe('people', () => {
  it('cannot accept what contradicts the identity, and it goes on waiting', async () => {
    const node = await foundMesh()
    await setPolicies(node, {
      identity: { name: 'mill', purpose: 'grinds', never: ['shell*'] },
      system5: { evidence: { samples: 99 } },
    })
    const effect = { metric: 'offered', before: 0, goal: 1 } as const
    const evidence = { probability: 0.9, samples: 3, figures: [], text: '' }
    const content = {
      from: 'system4',
      kind: 'capability',
      subject: 'fly',
      at: node.peer,
      asked: 3,
      held: 0,
      effect,
      evidence,
    } as const
    await node.decisions.decide({ op: 'proposal:make', id: 'aaa', ...content, expiresAtMs: Date.now() + 600_000 })
    await expect.poll(() => node.proposals.list({ all: false })[0]?.decision?.clause, grace).toBe('policy.evidence')
    await deskOf(node).change(
      policySet(await operatorOf(node), { identity: { name: 'mill', purpose: 'grinds', never: ['shell*'] } }, 2),
    )
    const shell = { ...content, subject: 'shell_run' }
    await node.decisions.decide({ op: 'proposal:make', id: 'bbb', ...shell, expiresAtMs: Date.now() + 600_000 })
    await expect.poll(() => node.log.state?.proposals.get('bbb')?.decision?.clause, grace).toBe('identity.never')
    await expect(node.proposals.decide({ id: 'bbb', accept: true, reason: 'x' })).rejects.toThrow(ProposalRefusedError)
  })

  it('are told at once what is wrong with policies that System 5 could not act upon', async () => {
    const node = await foundMesh()
    const setting = setPolicies(node, {
      identity: { name: 'mill', purpose: 'x', concurrencyMax: 4 },
      system5: { concurrencyMax: 9 },
    })
    await expect(setting).rejects.toThrow(PolicyInvalidError)
    await expect(setting).rejects.toThrow('system5.concurrencyMax (9) contradicts identity.concurrencyMax (4)')
  })
})
