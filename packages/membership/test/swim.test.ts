import { describe, expect, it } from 'vitest'
import { PROBE_PERIOD_MS } from '../src/constants.ts'
import { falseAlarms, type Node, Simulation, stateAt, untilAll } from './support/simulation.ts'

/** A full mesh that has run for a while. */
function settled(seed: number, count: number, init: ConstructorParameters<typeof Simulation>[2] = {}): Simulation {
  const simulation = new Simulation(seed, count, init)
  simulation.introduce()
  simulation.connectAll()
  simulation.runFor(15_000)
  for (const node of simulation.nodes) node.effects = []
  return simulation
}

const without = (nodes: readonly Node[], ...gone: Node[]): Node[] => nodes.filter((node) => !gone.includes(node))
const suspicionsOf = (node: Node): number =>
  node.effects.filter((effect) => effect.type === 'state' && effect.to === 'suspect').length

describe('a member that dies', () => {
  it('with its connections closing is known as failed to all of 8 within half a second', () => {
    const simulation = settled(1, 8)
    const victim = simulation.at(3)
    simulation.crash(victim)
    expect(untilAll(simulation, without(simulation.nodes, victim), victim, 'failed', 10_000)).toBeLessThanOrEqual(500)
    expect(falseAlarms(simulation.nodes, (peer) => peer !== victim.peer)).toBe(0)
  })

  it('without a word is known as failed to all of 8 within seconds, and to nobody at once', () => {
    const times = Array.from({ length: 40 }, (_, seed) => {
      const simulation = settled(seed, 8)
      const victim = simulation.at(1 + (seed % 7))
      simulation.vanish(victim)
      const tookMs = untilAll(simulation, without(simulation.nodes, victim), victim, 'failed', 20_000) ?? Number.NaN
      expect(tookMs).toBeGreaterThan(4 * PROBE_PERIOD_MS)
      expect(falseAlarms(simulation.nodes, (peer) => peer !== victim.peer)).toBe(0)
      const { why } = simulation.at(0).view.member(victim.peer) ?? {}
      expect(why).toMatchObject({ kind: 'silent' })
      return tookMs
    }).sort((a, b) => a - b)
    // Where few had looked when the first began to suspect it takes longer: about once in a hundred times over 5 s.
    expect(times[19]).toBeLessThanOrEqual(3_500)
    expect(times[37]).toBeLessThanOrEqual(5_000)
    expect(times[39]).toBeLessThanOrEqual(7_500)
  })

  it('is told of to those that were never connected with it, and who joined late learns who lives from others', () => {
    const simulation = new Simulation(7, 24)
    const { nodes } = simulation
    // A ring with chords: everybody is connected with 6 of 23.
    const near = (a: Node, b: Node): boolean => {
      const apart = Math.abs(nodes.indexOf(a) - nodes.indexOf(b))
      return Math.min(apart, 24 - apart) <= 3
    }
    simulation.reachable = near
    simulation.introduce()
    simulation.connectAll(near)
    simulation.runFor(60_000)
    for (const node of nodes) {
      expect(without(nodes, node).map((of) => stateAt(node, of))).toEqual(Array.from({ length: 23 }, () => 'alive'))
      expect(node.connections.size).toBe(6)
    }
    const victim = simulation.at(11)
    simulation.crash(victim)
    expect(untilAll(simulation, without(nodes, victim), victim, 'failed', 60_000)).toBeLessThan(25_000)
    simulation.restart(victim)
    expect(untilAll(simulation, without(nodes, victim), victim, 'alive', 120_000)).toBeDefined()
    expect(falseAlarms(nodes, (peer) => peer !== victim.peer)).toBeLessThan(24 * 23)
  })
})

describe('a member that lives', () => {
  it.each([1, 2, 3])('is not failed though a tenth of all messages is lost, seed %i', (seed) => {
    const simulation = settled(seed, 8)
    simulation.fault = () => (simulation.random.next() < 0.1 ? 'lose' : 'pass')
    simulation.runFor(200_000)
    expect(falseAlarms(simulation.nodes)).toBe(0)
  })

  it('is not failed by one whose way to it is broken, in one direction or both: others are asked', () => {
    const simulation = settled(4, 8)
    const [deaf, mute] = [simulation.at(1), simulation.at(5)]
    simulation.fault = (from, to) => (from === mute && to === deaf ? 'lose' : 'pass')
    simulation.runFor(120_000)
    simulation.fault = (from, to) => ([from, to].every((node) => node === mute || node === deaf) ? 'lose' : 'pass')
    simulation.runFor(120_000)
    expect(falseAlarms(simulation.nodes)).toBe(0)
    expect(suspicionsOf(deaf)).toBe(0)
  })

  it('refutes: one that was suspected by all answers with a new incarnation, and nobody fails it', () => {
    const simulation = settled(5, 8)
    const slow = simulation.at(2)
    const before = simulation.at(0).view.member(slow.peer)?.incarnation ?? 0
    slow.frozenUntilMs = simulation.nowMs + 2_200
    simulation.runFor(2_199)
    expect(without(simulation.nodes, slow).some((node) => stateAt(node, slow) === 'suspect')).toBe(true)
    simulation.runFor(5_000)
    expect(falseAlarms(simulation.nodes)).toBe(0)
    for (const node of without(simulation.nodes, slow)) {
      expect(node.view.member(slow.peer)).toMatchObject({ state: 'alive' })
      expect(node.view.member(slow.peer)?.incarnation).toBeGreaterThan(before)
    }
  })

  it('and its link flaps is dialed again and again, and failed to nobody else', () => {
    const simulation = settled(6, 8)
    const [a, b] = [simulation.at(1), simulation.at(6)]
    for (let flap = 0; flap < 20; flap++) {
      simulation.close(a, b)
      simulation.runFor(3_000)
    }
    expect(falseAlarms(simulation.nodes)).toBe(0)
    simulation.runFor(31_000)
    expect(simulation.isConnected(a, b)).toBe(true)
  })

  it('was stopped for a minute and goes on: it judges nobody by what it missed', () => {
    const simulation = settled(8, 8)
    const sleeper = simulation.at(4)
    sleeper.frozenUntilMs = simulation.nowMs + 60_000
    simulation.runFor(59_999)
    expect(without(simulation.nodes, sleeper).map((node) => stateAt(node, sleeper))).toEqual(
      Array.from({ length: 7 }, () => 'failed'),
    )
    sleeper.effects = []
    simulation.runFor(40_000)
    expect(falseAlarms([sleeper])).toBe(0)
    expect(untilAll(simulation, without(simulation.nodes, sleeper), sleeper, 'alive', 1_000)).toBeDefined()
  })
})

describe('a member that is back', () => {
  it('as a new process is alive to all at once, in a higher incarnation', () => {
    const simulation = settled(9, 8)
    const victim = simulation.at(3)
    const before = simulation.at(0).view.member(victim.peer)?.incarnation ?? 0
    simulation.crash(victim)
    simulation.runFor(2_000)
    simulation.restart(victim)
    expect(untilAll(simulation, without(simulation.nodes, victim), victim, 'alive', 5_000)).toBeDefined()
    simulation.runFor(2_000)
    expect(simulation.at(0).view.member(victim.peer)?.incarnation).toBeGreaterThan(before)
    expect(falseAlarms(simulation.nodes, (peer) => peer !== victim.peer)).toBe(0)
  })

  it('with a clock that went back learns of its earlier word and speaks above it', () => {
    const simulation = settled(10, 5, { incarnation: 500 })
    const victim = simulation.at(1)
    victim.frozenUntilMs = simulation.nowMs + 1_500
    simulation.runFor(4_000)
    const before = simulation.at(0).view.member(victim.peer)?.incarnation ?? 0
    expect(before).toBeGreaterThan(500)
    simulation.restart(victim)
    simulation.runFor(5_000)
    expect(simulation.at(0).view.member(victim.peer)?.incarnation).toBeGreaterThan(before)
    expect(untilAll(simulation, without(simulation.nodes, victim), victim, 'alive', 100)).toBeDefined()
  })
})

describe('one that left', () => {
  it('is told apart from one that failed, by all, also when its process ends', () => {
    const simulation = settled(11, 6)
    const [leaver, victim] = [simulation.at(1), simulation.at(2)]
    const others = without(simulation.nodes, leaver, victim)
    for (const node of others) simulation.input(node, (view) => view.memberLeft(leaver.peer, simulation.nowMs))
    simulation.crash(leaver)
    simulation.crash(victim)
    simulation.runFor(60_000)
    expect(others.map((node) => [stateAt(node, leaver), stateAt(node, victim)])).toEqual(others.map(() => ['left', 'failed']))
  })
})

/** One member stands still for three and a half seconds, goes on for less than one, and so on: Lifeguard's own experiment. */
function oneSlowMember(seed: number, lifeguard: boolean): { byItself: number; byAll: number } {
  const simulation = settled(seed, 12, { lifeguard })
  const slow = simulation.at(5)
  for (let atMs = 0; atMs < 100_000; atMs += 4_200) {
    simulation.after(atMs, () => (slow.frozenUntilMs = simulation.nowMs + 3_500))
  }
  simulation.runFor(100_000)
  return { byItself: falseAlarms([slow]), byAll: falseAlarms(simulation.nodes) }
}

describe("Lifeguard's corrections", () => {
  it.each([21, 22, 23])('keep a slow member from failing others, and from being failed at every turn, seed %i', (seed) => {
    const swim = oneSlowMember(seed, false)
    const lifeguard = oneSlowMember(seed, true)
    expect(swim.byItself).toBeGreaterThan(15)
    expect(lifeguard.byItself).toBe(0)
    expect(lifeguard.byAll).toBeLessThan(swim.byAll)
  })

  it('make a node more patient while it has reason to doubt itself, and no longer', () => {
    const simulation = settled(24, 8)
    const deaf = simulation.at(3)
    simulation.fault = (_from, to) => (to === deaf ? 'lose' : 'pass')
    simulation.runFor(1_500)
    expect(deaf.view.healthScore).toBeGreaterThan(0)
    simulation.fault = () => 'pass'
    simulation.runFor(60_000)
    expect(deaf.view.healthScore).toBe(0)
  })
})

describe('a thousand members in groups of fifty', () => {
  /** Of all, in messages and bytes a second and member, when nothing happens. */
  function traffic(count: number): { messages: number; bytes: number; simulation: Simulation } {
    const simulation = new Simulation(42, count)
    simulation.divide(50)
    simulation.introduce()
    simulation.connectAll()
    simulation.runFor(15_000)
    for (const { sent } of simulation.nodes) Object.assign(sent, { messages: 0, rumors: 0, bytes: 0 })
    simulation.runFor(10_000)
    const perSecond = (what: 'messages' | 'bytes'): number =>
      simulation.nodes.reduce((sum, { sent }) => sum + sent[what], 0) / count / 10
    return { messages: perSecond('messages'), bytes: perSecond('bytes'), simulation }
  }

  it('send no more each than in a mesh of a hundred, and know a crash in its group within two seconds', () => {
    const small = traffic(100)
    const large = traffic(1_000)
    expect(large.messages).toBeLessThan(small.messages * 1.02)
    expect(large.bytes).toBeLessThan(small.bytes * 1.02)
    const { simulation } = large
    const victim = simulation.at(77)
    simulation.crash(victim)
    expect(untilAll(simulation, without(victim.group, victim), victim, 'failed', 10_000)).toBeLessThanOrEqual(2_000)
    const mute = simulation.at(333)
    simulation.vanish(mute)
    expect(untilAll(simulation, without(mute.group, mute), mute, 'failed', 20_000)).toBeLessThanOrEqual(5_000)
    expect(falseAlarms(simulation.nodes, (peer) => peer !== victim.peer && peer !== mute.peer)).toBe(0)
  })
})
