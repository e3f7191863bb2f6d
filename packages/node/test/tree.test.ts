import {
  type Clock,
  silentLogger,
  type SupervisionChange,
  Supervisor,
  systemClock,
  telemetry,
  type TreeEntry,
} from '@vsmcp/kernel'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { initMesh } from '../src/enrol/init-mesh.ts'
import type { Parts } from '../src/parts.ts'
import { systemsOf } from '../src/tree/node-tree.ts'
import { Scope } from '../src/tree/scope.ts'
import { type PartName, Scopes } from '../src/tree/scopes.ts'
import type { VsmcpNode } from '../src/node-init.ts'
import { createNode } from '../src/vsmcp-node.ts'
import {
  emptyDirectory,
  followersOf,
  foundMesh,
  initOf,
  invitation,
  joinNode,
  leaderOf,
  startGroup,
  type TestNode,
  until,
} from './support/group.ts'
import { attach } from './support/servers.ts'

/** A clock that throws, as often as it is told to, at the part that it is told: whatever that part does on a timer crashes it. */
class FaultyClock implements Clock {
  #part: PartName | undefined
  #left = 0
  #isInTimer = false

  plant(part: PartName, times: number): void {
    this.#part = part
    this.#left = times
  }

  wallMs(): number {
    this.#maybe()
    return systemClock.wallMs()
  }

  monotonicMs(): number {
    this.#maybe()
    return systemClock.monotonicMs()
  }

  after(delayMs: number, fn: () => void): ReturnType<Clock['after']> {
    return systemClock.after(delayMs, () => this.#fire(fn))
  }

  /** What is done now and then is done often here: the tests wait for it. */
  every(periodMs: number, fn: () => void): ReturnType<Clock['every']> {
    return systemClock.every(Math.min(periodMs, 50), () => this.#fire(fn))
  }

  #fire(fn: () => void): void {
    this.#isInTimer = true
    try {
      fn()
    } finally {
      this.#isInTimer = false
    }
  }

  /** Only what the part itself does on its timer, not what that sets going elsewhere; an actor's work comes after its timer. */
  #maybe(): void {
    if (this.#left === 0 || Scope.current()?.name !== this.#part) return
    if (!this.#isInTimer && this.#part !== 'reports') return
    this.#left--
    throw new Error(`planted in ${this.#part}`)
  }
}

/** Restarts of each part, by its path below the root; those that had none are left out. */
function restartsOf(tree: TestNode['tree']): Record<string, number> {
  const found: Record<string, number> = {}
  const look = (entries: readonly TreeEntry[], above: string): void => {
    for (const { id, restarts, children = [] } of entries) {
      if (restarts > 0) found[above + id] = restarts
      look(children, `${above}${id}/`)
    }
  }
  look(tree.inspect().children, '')
  return found
}

/** Calls one after the other for as long as the work takes; each must be answered. */
async function calling(from: TestNode, work: () => Promise<void>): Promise<number> {
  const over = new AbortController()
  let calls = 0
  const caller = (async () => {
    while (!over.signal.aborted || calls < 20) {
      const reply = await from.router.request({
        method: 'tools/call',
        target: 'u__tool',
        paramsJson: '{"name":"u__tool","arguments":{}}',
        deadlineMs: 20_000,
        signal: new AbortController().signal,
        onNotification: () => {},
      })
      expect(reply).toHaveProperty('resultJson')
      calls++
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  await work().finally(() => over.abort())
  await caller
  return calls
}

const grace = { timeout: 30_000 }

describe('the tree', () => {
  it('holds every part that has a life, once', async () => {
    const node = await foundMesh()
    const held: string[] = []
    const parts: Parts = new Proxy(node, {
      get: (target, key) => {
        held.push(String(key))
        return Reflect.get(target, key) as unknown
      },
    })
    systemsOf(parts, new Scopes(systemClock, silentLogger))
    const isAlive = (part: unknown): boolean =>
      typeof part === 'object' && part !== null && 'start' in part && 'stop' in part && !(part instanceof Supervisor)
    // What all parts write to is opened before any of them, and outlives the tree.
    const living = Object.entries(node).filter(([name, part]) => name !== 'store' && isAlive(part))
    expect(living.length).toBeGreaterThan(15)
    expect(held.toSorted()).toEqual(living.map(([name]) => name).toSorted())
  })
})

describe('a part that crashes', () => {
  it('is started again alone when nothing depends on it, while calls through its node go on', async () => {
    const clock = new FaultyClock()
    const a = await foundMesh('a')
    const b = await joinNode(a, 'b', { clock })
    await b.units.attach(attach('u', 'hostile-server'))
    await expect.poll(() => a.catalog.listing.tools.length, grace).toBe(1)
    for (const part of ['reports', 'membership', 'gateway'] as const) {
      const before = restartsOf(b.tree)
      const calls = await calling(a, async () => {
        clock.plant(part, 1)
        await expect.poll(() => Object.keys(restartsOf(b.tree)).length, grace).toBe(Object.keys(before).length + 1)
      })
      expect(calls).toBeGreaterThan(0)
    }
    expect(restartsOf(b.tree)).toEqual({ 'system3/reports': 1, 'mesh/membership': 1, 'mcp/gateway': 1 })
    await expect.poll(() => a.members.isAlive(b.peer) && b.members.isAlive(a.peer), grace).toBe(true)
  })

  it('takes along what goes by it: consensus, keys, credential and duties begin anew, and the group decides', async () => {
    const clock = new FaultyClock()
    const nodes = await startGroup(3, { clock })
    const leader = leaderOf(nodes)
    const [one] = followersOf(nodes)
    await one.units.attach(attach('u', 'hostile-server'))
    await expect.poll(() => leader.catalog.listing.tools.length, grace).toBe(1)
    await calling(leader, async () => {
      // At whichever of the three it is first.
      clock.plant('consensus', 1)
      await expect
        .poll(() => nodes.flatMap(({ tree }) => Object.keys(restartsOf(tree))).toSorted(), grace)
        .toEqual(
          ['consensus', 'credential', 'effects', 'leader duties', 'office', 'own decisions', 'session keys'].map(
            (part) => `system5/${part}`,
          ),
        )
      await one.decisions.decide(invitation(one, 'after'), 30_000)
    })
    await Promise.all(nodes.map((node) => until(node, () => node.log.state?.invitations.has('after') === true)))
  })
})

/** A node whose reports are due all the time and, once it is up, crash as often as this says. */
async function troubled(times: number): Promise<VsmcpNode> {
  const dataDir = await emptyDirectory()
  await initMesh({ dataDir, name: 'a' })
  let left = 0
  const every = systemClock.every.bind(systemClock)
  const wallMs = systemClock.wallMs.bind(systemClock)
  const isReporting = (): boolean => Scope.current()?.name === 'reports'
  const timers = vi.spyOn(systemClock, 'every').mockImplementation((periodMs, fn) => every(isReporting() ? 10 : periodMs, fn))
  const faults = vi.spyOn(systemClock, 'wallMs').mockImplementation(() => {
    if (isReporting() && left-- > 0) throw new Error('planted in reports')
    return wallMs()
  })
  onTestFinished(() => {
    timers.mockRestore()
    faults.mockRestore()
  })
  const node = createNode(initOf(dataDir))
  onTestFinished(() => node.stop())
  await node.start()
  left = times
  return node
}

describe('every system of a node', () => {
  it('is of actors: told more than they hold they refuse it, say so, and the node goes on', async () => {
    const node = await foundMesh('a')
    await node.units.attach(attach('u', 'hostile-server'))
    const actors = {
      system5: ['leader duties', 'office', 'effects', 'own decisions'],
      algedonic: ['algedonic channel', 'senses', 'senses of units', 'sense of time', 'sense of clocks'],
      system4: ['variety', 'scanner', 'feeds'],
      system3: [
        'reports',
        'resource bargain',
        'degradation',
        'performance',
        'synergy',
        'proposals',
        'directives',
        'audits',
        'records',
      ],
      system2: ['occurrences'],
      system1: ['operations'],
    } as const satisfies Readonly<Record<string, readonly PartName[]>>
    const mailboxes = (): Map<string, NonNullable<TreeEntry['mailbox']>> => {
      const parts = (node.tree.inspect().children ?? []).flatMap(({ id, children = [] }) =>
        children.flatMap(({ id: part, mailbox }) => (mailbox === undefined ? [] : [[`${id}/${part}`, mailbox] as const])),
      )
      return new Map(parts)
    }
    const named = Object.entries(actors).flatMap(([system, parts]) => parts.map((part) => `${system}/${part}`))
    expect([...mailboxes().keys()].toSorted()).toEqual(named.toSorted())
    let done = 0
    for (const part of Object.values(actors).flat()) {
      const taken = Array.from({ length: 1_500 }, () => node.scopes.of(part).deliver(() => void done++)).filter(Boolean).length
      expect(taken).toBeLessThanOrEqual(1_000)
      expect(taken).toBeGreaterThan(900)
    }
    for (const [part, { refused }] of mailboxes()) expect([part, refused >= 500 && refused < 600]).toEqual([part, true])
    await expect.poll(() => [...mailboxes().values()].every(({ length }) => length === 0), grace).toBe(true)
    expect(done).toBeGreaterThan(900 * named.length)
    await calling(node, async () => {})
    await node.decisions.decide(invitation(node, 'after'), 30_000)
    expect(restartsOf(node.tree)).toEqual({})
  }, 60_000)
})

describe('every part that can live again', () => {
  it('does, with what depends on it, and the node is whole afterwards: it decides, and calls are answered', async () => {
    const a = await foundMesh('a')
    const b = await joinNode(a, 'b')
    await b.units.attach(attach('u', 'hostile-server'))
    await expect.poll(() => a.catalog.listing.tools.length, grace).toBe(1)
    // The first of each chain takes the rest along; no system more often than it allows.
    const crashed = ['time', 'epoch', 'membership', 'discovery', 'signals', 'algedonic channel', 'variety', 'scanner'] as const
    const more = ['reports', 'resource bargain', 'degradation', 'operations', 'process guard', 'claims', 'occurrences'] as const
    for (const part of [...crashed, ...more, 'gateway' as const]) b.scopes.of(part).crash(new Error('planted'))
    const restarted = [
      ['core/time'],
      ['epoch', 'consensus', 'session keys', 'credential', 'leader duties', 'office', 'effects', 'own decisions'].map(
        (each) => `system5/${each}`,
      ),
      ['membership', 'discovery', 'signals'].map((each) => `mesh/${each}`),
      ['algedonic channel', 'senses', 'senses of units', 'sense of time', 'sense of clocks'].map((each) => `algedonic/${each}`),
      ['system4/variety', 'system4/scanner', 'system3/reports', 'system3/resource bargain', 'system3/degradation'],
      ['system1/operations', 'system1/servers/process guard', 'system1/servers/units'],
      ['system2/claims', 'system2/occurrences', 'mcp/gateway'],
    ].flat()
    await expect.poll(() => Object.keys(restartsOf(b.tree)).toSorted(), grace).toEqual(restarted.toSorted())
    await b.decisions.decide(invitation(b, 'after'), 30_000)
    await expect.poll(() => b.units.get('u')?.state, grace).toBe('ready')
    await calling(a, async () => {})
    await expect.poll(() => a.members.isAlive(b.peer) && b.members.isAlive(a.peer), grace).toBe(true)
  })
})

describe('a fault that heals', () => {
  it('is told by status for a while', async () => {
    const node = await troubled(2)
    const told = 'system3/reports crashed 2 times within 10 minutes and was started again: planted in reports'
    await expect.poll(async () => (await node.control.status()).problems, grace).toContain(told)
    await expect
      .poll(async () => (await node.control.tree()).find(({ path }) => path.at(-1) === 'reports'), grace)
      .toMatchObject({ state: 'running', restarts: 2, lastError: 'planted in reports' })
  })
})

describe('a fault that does not heal', () => {
  it('is given up level by level: the node ends as failed and says why, all of it stopped', async () => {
    const changes: SupervisionChange[] = []
    onTestFinished(telemetry('vsmcp:supervision:child').subscribe((change) => changes.push(change)))
    const node = await troubled(Number.POSITIVE_INFINITY)
    const ending = await node.stopped
    expect(ending).toMatchObject({
      reason: 'failed',
      error: {
        code: 'VSMCP_SUPERVISION_GAVE_UP',
        message: expect.stringMatching(/^supervisor node gave up .*planted in reports$/) as string,
      },
    })
    const count = (change: string, child: string): number =>
      changes.filter((each) => each.change === change && each.child === child).length
    // The system allows 3 restarts of its part, the root 3 of the system: 4 times 4 crashes.
    expect(count('crashed', 'node/system3/reports')).toBe(16)
    expect(count('gave-up', 'node/system3')).toBe(4)
    expect(count('gave-up', 'node')).toBe(1)
  })
})
