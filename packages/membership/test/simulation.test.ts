import { randomInteger } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { type Node, Simulation, stateAt } from './support/simulation.ts'

const SEEDS = Array.from({ length: 40 }, (_, at) => 1_000 + at)
const DIALS_MAX = 3

function pairs(nodes: readonly Node[]): [Node, Node][] {
  return nodes.flatMap((a) => nodes.filter((b) => b !== a).map((b): [Node, Node] => [a, b]))
}

describe.each(SEEDS)('on a simulated network, seed %i', (seed) => {
  it('all see all after crashes, partitions and flapping, and no rule was broken on the way', () => {
    const simulation = new Simulation(seed, 6, { dialsMax: DIALS_MAX })
    const { nodes, random } = simulation
    simulation.onEffect = (node, effect) => {
      if (effect.type !== 'dial') return
      expect(effect.addresses).toEqual([`/at/${effect.peer}`])
      expect(node.view.member(effect.peer)?.isConnected).toBe(false)
      expect(node.dialing).not.toContain(effect.peer)
      expect(node.dialing.size).toBeLessThan(DIALS_MAX)
    }
    simulation.introduce()
    for (let round = 0; round < 30; round++) {
      const node = nodes[randomInteger(random, 0, nodes.length - 1)]
      const other = nodes[randomInteger(random, 0, nodes.length - 1)]
      if (node === undefined || other === undefined) continue
      const fault = randomInteger(random, 0, 4)
      if (fault === 0 && node.life === 'up') simulation.crash(node)
      else if (fault === 1 && node.life !== 'up') simulation.restart(node)
      else if (fault === 2) simulation.close(node, other)
      else if (fault === 3) simulation.reachable = (a, b) => a !== node && b !== node
      else simulation.reachable = () => true
      simulation.runUntil(simulation.nowMs + randomInteger(random, 1, 4_000))
    }
    simulation.reachable = () => true
    for (const node of nodes) if (node.life !== 'up') simulation.restart(node)
    // The longest back-off, and one dial into silence that began before the network was whole again.
    simulation.runUntil(simulation.nowMs + 30_000 + 10_000 + 1_000)
    expect(
      pairs(nodes)
        .filter(([a, b]) => stateAt(a, b) !== 'alive' || !simulation.isConnected(a, b))
        .map(([a, b]) => `${a.peer} ${b.peer}`),
    ).toEqual([])
  })
})

describe('on a simulated network', () => {
  it('a crash is known as failed to all within a dial, the higher PeerIds after their delay', () => {
    const simulation = new Simulation(7, 8)
    simulation.introduce()
    simulation.runUntil(60_000)
    const [victim, ...rest] = simulation.nodes
    if (victim === undefined) throw new Error('no nodes')
    simulation.crash(victim)
    expect(rest.map((node) => stateAt(node, victim))).toEqual(rest.map(() => 'suspect'))
    simulation.runUntil(60_000 + 300)
    expect(rest.map((node) => stateAt(node, victim))).toEqual(rest.map(() => 'failed'))
  })

  it('two that lose each other are connected by one dial, that of the lower PeerId', () => {
    const simulation = new Simulation(8, 2)
    simulation.introduce()
    simulation.runUntil(60_000)
    const [low, high] = simulation.nodes
    if (low === undefined || high === undefined) throw new Error('no nodes')
    for (const node of simulation.nodes) node.effects = []
    simulation.close(low, high)
    simulation.runUntil(61_000)
    expect(simulation.isConnected(low, high)).toBe(true)
    expect(low.effects.filter(({ type }) => type === 'dial')).toHaveLength(1)
    expect(high.effects.filter(({ type }) => type === 'dial')).toHaveLength(0)
  })

  it('the higher PeerId dials, too, when the lower one cannot', () => {
    const simulation = new Simulation(9, 2)
    const [low, high] = simulation.nodes
    if (low === undefined || high === undefined) throw new Error('no nodes')
    simulation.reachable = (from) => from === high
    simulation.introduce()
    // Before probes can find that the other way is broken.
    simulation.runUntil(700)
    expect(stateAt(low, high)).toBe('alive')
  })

  it('a peer that is gone is dialed for ever, but ever more rarely', () => {
    const simulation = new Simulation(10, 2)
    const [self, gone] = simulation.nodes
    if (self === undefined || gone === undefined) throw new Error('no nodes')
    gone.life = 'down'
    simulation.introduce()
    const dialsUntil = (atMs: number): number => {
      simulation.runUntil(atMs)
      return self.effects.filter(({ type }) => type === 'dial').length
    }
    const hourMs = 3_600_000
    const first = dialsUntil(60_000)
    expect(first).toBeGreaterThan(6)
    expect(first).toBeLessThan(20)
    const atNight = dialsUntil(24 * hourMs)
    const hour = dialsUntil(25 * hourMs) - atNight
    expect(hour).toBeGreaterThanOrEqual(3_600 / 30)
    expect(hour).toBeLessThanOrEqual(3_600 / 15)
    simulation.restart(gone)
    simulation.runUntil(simulation.nowMs + 31_000)
    expect(stateAt(self, gone)).toBe('alive')
  })
})
