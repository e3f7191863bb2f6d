import { seededRandom } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { GOSSIP_PERIOD_MS, HEARSAY_MS, PACE_MAX_MS, REDIAL_BASE_MS, YIELD_VOUCHED_MS } from '../src/constants.ts'
import { membership, type MembershipEffect, type MembershipInit, type MembershipView, type Rumor } from '../src/index.ts'
import { falseAlarms, type Node, signatureOf, Simulation, stateAt } from './support/simulation.ts'

const alive = (peer: string, incarnation = 1): Rumor => ({
  peer,
  state: 'alive',
  incarnation,
  signature: signatureOf(peer, incarnation),
  firstHand: false,
})
const dials = (effects: readonly MembershipEffect[]): string[] =>
  effects.flatMap((each) => (each.type === 'dial' ? [each.peer] : []))

/** This node, below all others by its PeerId, connected with `hub` and with `spare`, which say nothing by themselves. */
function viewOf(init: Partial<MembershipInit> = {}): MembershipView {
  const view = membership({ self: 'a', incarnation: 10, ...init })({
    random: seededRandom(1),
    signAlive: (incarnation) => signatureOf('a', incarnation),
    verifyAlive: (peer, incarnation, signature) => Buffer.from(signatureOf(peer, incarnation)).equals(signature),
  })
  for (const peer of ['hub', 'spare']) {
    view.memberAdded(peer, [`/${peer}`], 0)
    view.connected(peer, 0)
    view.dialSucceeded(peer, 10)
    view.received(peer, { type: 'gossip', rumors: [] }, 10)
  }
  return view
}

/** Tells the time whenever it is asked for; `hub` and `spare` answer all probes. */
function pass(view: MembershipView, untilMs: number): [number, MembershipEffect][] {
  const all: [number, MembershipEffect][] = []
  for (let at = view.nextTickAtMs(); at !== undefined && at <= untilMs; at = view.nextTickAtMs()) {
    const effects = view.tick(at)
    for (const effect of effects) {
      all.push([at, effect])
      if (effect.type !== 'send' || effect.message.type !== 'ping') continue
      effects.push(...view.received(effect.to, { type: 'ack', number: effect.message.number, digest: 0, rumors: [] }, at))
    }
  }
  return all
}

describe('a member that this node has not seen', () => {
  it('is asked for at once, and more often than members are probed, until somebody knows it', () => {
    const view = viewOf()
    pass(view, 1_000)
    view.memberAdded('far', [], 1_000)
    const pings = (until: number): number =>
      pass(view, until).filter(([, effect]) => effect.type === 'send' && effect.message.type === 'ping').length
    expect(pings(2_000)).toBeGreaterThanOrEqual(1_000 / GOSSIP_PERIOD_MS - 2)
    view.received('hub', { type: 'gossip', rumors: [alive('far')] }, 2_000)
    expect(view.member('far')).toMatchObject({ state: 'alive', isConnected: false, why: { kind: 'told', by: 'hub' } })
    expect(pings(3_000)).toBeLessThanOrEqual(3)
  })

  it('is not believed alive by a word that is not its own, nor by the word of who is no member', () => {
    const view = viewOf()
    view.memberAdded('far', [], 0)
    const forged = { ...alive('far', 2), signature: signatureOf('far', 3) }
    expect(view.received('hub', { type: 'gossip', rumors: [forged] }, 100)).toContainEqual(
      expect.objectContaining({ type: 'offence', peer: 'hub' }),
    )
    view.connected('stranger', 100)
    view.received('stranger', { type: 'gossip', rumors: [alive('far')] }, 110)
    expect(view.member('far')?.state).toBe('suspect')
  })

  it('is dialed after a moment for others to speak of it, and the dial of whom they reach waits for its turn', () => {
    const [silent, told] = [viewOf(), viewOf()]
    for (const view of [silent, told]) view.memberAdded('far', ['/far'], 1_000)
    const dialedAt = (view: MembershipView): number | undefined =>
      pass(view, 10_000).find(([, effect]) => effect.type === 'dial' && effect.peer === 'far')?.[0]
    told.received('hub', { type: 'gossip', rumors: [alive('far')] }, 1_010)
    expect(dialedAt(silent)).toBe(1_000 + HEARSAY_MS)
    const waited = (dialedAt(told) ?? 0) - 1_010
    expect(waited).toBeGreaterThan(0)
    expect(waited).toBeLessThanOrEqual(1.5 * PACE_MAX_MS)
  })
})

describe('members that others reach', () => {
  const FAR = Array.from({ length: 12 }, (_, at) => `p${at}`)
  /** All told of at 1,000 ms. */
  const crowd = (init: Partial<MembershipInit> = {}): MembershipView => {
    const view = viewOf(init)
    for (const peer of FAR) view.memberAdded(peer, [`/${peer}`], 1_000)
    view.received('hub', { type: 'gossip', rumors: FAR.map((peer) => alive(peer)) }, 1_000)
    return view
  }
  /** Every dial takes so long and ends in a connection. */
  const dialled = (view: MembershipView, tookMs: number, untilMs: number): number[] => {
    const began: number[] = []
    const ends: [number, string][] = []
    for (let at = view.nextTickAtMs(); at !== undefined && at <= untilMs; at = view.nextTickAtMs()) {
      const nowMs = Math.min(at, ends[0]?.[0] ?? at)
      const effects = nowMs < at || ends[0]?.[0] === at ? ended(ends.shift()) : view.tick(nowMs)
      for (const effect of effects) {
        if (effect.type === 'dial') {
          began.push(nowMs)
          ends.push([nowMs + tookMs, effect.peer])
        } else if (effect.type === 'send' && effect.message.type === 'ping') {
          view.received(effect.to, { type: 'ack', number: effect.message.number, digest: 0, rumors: [] }, nowMs)
        }
      }
    }
    return began
    function ended(end: [number, string] | undefined): MembershipEffect[] {
      if (end === undefined) return []
      const [atMs, peer] = end
      const effects = [...view.connected(peer, atMs), ...view.dialSucceeded(peer, atMs)]
      effects.push(...view.received(peer, { type: 'gossip', rumors: [] }, atMs))
      return effects
    }
  }

  it('are dialed one after the other, with pauses as long as dials take: quick ones soon, slow ones later, all in the end', () => {
    const [quick, slow] = [dialled(crowd(), 10, 60_000), dialled(crowd(), 200, 60_000)]
    expect(quick).toHaveLength(FAR.length)
    expect(slow).toHaveLength(FAR.length)
    expect(new Set(quick).size).toBe(FAR.length)
    const tookMs = (began: readonly number[]): number => (began.at(-1) ?? 0) - (began[1] ?? 0)
    expect(tookMs(quick)).toBeLessThan(FAR.length * 40)
    expect(tookMs(slow)).toBeGreaterThan(FAR.length * 200)
    expect(tookMs(slow)).toBeLessThan(FAR.length * 1.5 * PACE_MAX_MS)
  })

  it('are dialed the more slowly the later this process runs', () => {
    const view = crowd()
    view.lagMeasured(100)
    expect(dialled(view, 10, 60_000).length).toBe(FAR.length)
    const lagging = crowd()
    lagging.lagMeasured(100)
    const [first = 0, second = 0, third = 0] = dialled(lagging, 10, 60_000)
    expect(second - first + (third - second)).toBeGreaterThan(2 * 100)
  })

  it('take half of the dials at most when none of them ends', () => {
    const began = pass(crowd({ dialsMax: 6 }), 9_000).filter(([, effect]) => effect.type === 'dial')
    expect(began).toHaveLength(3)
  })

  it('and are needed are dialed at once, whenever they are told of', () => {
    const view = viewOf()
    view.connectionsNeeded(new Set(['p0', 'p1']), 900)
    for (const peer of FAR) view.memberAdded(peer, [`/${peer}`], 1_000)
    const effects = view.received('hub', { type: 'gossip', rumors: FAR.map((peer) => alive(peer)) }, 1_000)
    expect(dials([...effects, ...view.tick(1_000)]).sort()).toEqual([])
    const before = viewOf()
    before.connectionsNeeded(new Set(['p0', 'p1']), 900)
    expect(dials(FAR.flatMap((peer) => before.memberAdded(peer, [`/${peer}`], 1_000)))).toEqual(['p0', 'p1'])
    const late = crowd()
    expect(dials(late.connectionsNeeded(new Set(['p3', 'p5', 'unknown']), 1_001))).toEqual(['p3', 'p5'])
    expect(dials(late.connectionsNeeded(new Set(['p3', 'p5']), 1_002))).toEqual([])
  })

  it('and are wanted are dialed at once, but a dial that fails is not repeated faster than the first back-off', () => {
    const view = crowd()
    expect(dials(view.connectionWanted('p4', 1_001))).toEqual(['p4'])
    expect(dials(view.connectionWanted('p4', 1_002))).toEqual([])
    view.dialFailed('p4', 1_010, 'refused')
    expect(view.member('p4')?.state).toBe('alive')
    let again = 0
    for (let nowMs = 1_011; nowMs < 3_000; nowMs++) {
      if (!dials(view.connectionWanted('p4', nowMs)).includes('p4')) continue
      again++
      view.dialFailed('p4', nowMs, 'refused')
    }
    // The first back-offs are by chance shorter than the base.
    expect(again).toBeGreaterThanOrEqual(2_000 / REDIAL_BASE_MS - 1)
    expect(again).toBeLessThanOrEqual(2_000 / REDIAL_BASE_MS + 3)
    expect(dials(view.connectionWanted('hub', 3_000))).toEqual([])
    expect(view.connectionWanted('nobody', 3_000)).toEqual([])
  })

  it('are left to the lower PeerId for as long as it may take its time', () => {
    const view = membership({ self: 'z' })({ random: seededRandom(1) })
    view.memberAdded('hub', ['/hub'], 0)
    view.connected('hub', 0)
    view.received('hub', { type: 'gossip', rumors: [] }, 0)
    view.memberAdded('far', ['/far'], 10)
    view.received('hub', { type: 'gossip', rumors: [{ peer: 'far', state: 'alive', incarnation: 0, firstHand: false }] }, 20)
    const dialedAtMs = pass(view, 10_000).find(([, effect]) => effect.type === 'dial')?.[0] ?? 0
    expect(dialedAtMs).toBeGreaterThanOrEqual(20 + YIELD_VOUCHED_MS)
  })
})

describe('the word of one that is gone itself', () => {
  it('holds nobody alive: who was alive by it is doubted, dialed at once, and told so that it can answer', () => {
    const view = viewOf()
    for (const peer of ['far', 'near']) view.memberAdded(peer, [`/${peer}`], 1_000)
    view.received('hub', { type: 'gossip', rumors: [alive('far')] }, 1_000)
    view.received('spare', { type: 'gossip', rumors: [alive('near')] }, 1_000)
    view.disconnected('hub', 1_010)
    expect(view.member('far')?.state).toBe('alive')
    view.tick(1_011)
    const effects = view.dialFailed('hub', 1_012, 'refused')
    expect(view.member('hub')?.state).toBe('failed')
    expect(view.member('far')).toMatchObject({ state: 'suspect', why: { kind: 'unvouched', by: 'hub' } })
    expect(view.member('near')?.state).toBe('alive')
    expect(dials(effects)).toContain('far')
    const said = pass(view, 1_300).flatMap(([, effect]) =>
      effect.type === 'send' && 'rumors' in effect.message ? effect.message.rumors : [],
    )
    expect(said).toContainEqual(expect.objectContaining({ peer: 'far', state: 'suspect', firstHand: false }))
    view.received('spare', { type: 'gossip', rumors: [alive('far', 2)] }, 1_400)
    expect(view.member('far')).toMatchObject({ state: 'alive', why: { kind: 'refuted', by: 'spare' } })
  })

  it('and of one that left or was forgotten, too; those that are connected do not mind', () => {
    for (const go of ['memberLeft', 'memberRemoved'] as const) {
      const view = viewOf()
      for (const peer of ['far', 'near']) view.memberAdded(peer, [], 1_000)
      view.received('hub', { type: 'gossip', rumors: [alive('far'), alive('near')] }, 1_000)
      view.connected('near', 1_001)
      view[go]('hub', 1_010)
      expect([view.member('far')?.state, view.member('near')?.state]).toEqual(['suspect', 'alive'])
    }
  })
})

describe('a group that starts around one that all know', () => {
  /** All connect with the first, are told by it who is a member, and never hear of anybody else at once. */
  function started(seed: number, count: number): { simulation: Simulation; hub: Node; rest: Node[] } {
    const simulation = new Simulation(seed, count)
    const [hub, ...rest] = simulation.nodes
    if (hub === undefined) throw new Error('no nodes')
    simulation.onEffect = (node, effect) => {
      if (node === hub || effect.type !== 'state' || effect.peer !== hub.peer || effect.to !== 'alive') return
      simulation.after(5, () => {
        for (const { peer } of simulation.nodes) {
          if (peer !== node.peer) simulation.input(node, (view) => view.memberAdded(peer, [`/at/${peer}`], simulation.nowMs))
        }
      })
    }
    for (const node of rest) simulation.input(hub, (view) => view.memberAdded(node.peer, [], 0))
    for (const node of rest) simulation.input(node, (view) => view.memberAdded(hub.peer, [`/at/${hub.peer}`], 0))
    return { simulation, hub, rest }
  }
  const blind = (nodes: readonly Node[]): string[] =>
    nodes.flatMap((a) => nodes.filter((b) => b !== a && stateAt(a, b) !== 'alive').map((b) => `${a.peer} ${b.peer}`))

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'lists all as alive before they are connected, and is a full mesh soon after, seed %i',
    (seed) => {
      const { simulation, rest } = started(seed, 8)
      while (blind(simulation.nodes).length > 0 && simulation.nowMs < 5_000) simulation.runFor(5)
      // The higher PeerIds yield for 250 ms before they dial the first.
      expect(simulation.nowMs).toBeLessThanOrEqual(250 + 400)
      expect(rest.some((a) => a.connections.size < 7)).toBe(true)
      simulation.runUntil(6_000)
      expect(simulation.nodes.map(({ connections }) => connections.size)).toEqual(simulation.nodes.map(() => 7))
      expect(falseAlarms(simulation.nodes)).toBe(0)
    },
  )

  it.each([1, 2, 3, 4])('finds together at once when the one that all know dies in the middle of it, seed %i', (seed) => {
    const { simulation, hub, rest } = started(seed, 8)
    simulation.runUntil(500)
    simulation.crash(hub)
    simulation.runUntil(2_500)
    expect(blind(rest)).toEqual([])
    expect(rest.map((node) => stateAt(node, hub))).toEqual(rest.map(() => 'failed'))
    expect(rest.map(({ connections }) => connections.size)).toEqual(rest.map(() => 6))
  })
})
