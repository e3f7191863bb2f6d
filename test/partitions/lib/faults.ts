import { setTimeout as sleep } from 'node:timers/promises'

import { type Random, randomInteger } from '../../../packages/kernel/src/index.ts'
import { type Name, NAMES, type PartitionMesh } from './mesh.ts'

/** One fault as data: what, to whom, when from the start of its round, and for how long. Milliseconds. */
export type Fault = { afterMs: number; forMs: number } & (
  | { kind: 'cut'; side: Name[] }
  | { kind: 'one-way'; from: Name; to: Name[] }
  | { kind: 'flap'; between: [Name, Name] }
  | { kind: 'pause' | 'kill' | 'disk'; node: Name }
  | { kind: 'slow'; delayMs: number }
)

const FAULTS_MAX = 3
const AFTER_MAX_MS = 3_000
const SHORTEST_MS = 200
const LONGEST_MS = 9_000
const DELAY_MAX_MS = 400
const FLAP_MS = 150

/** A round's schedule. No two faults of one round stop, kill or break the disk of the same node, since ending one would end the other. */
export function schedule(random: Random, withDisk: boolean): Fault[] {
  const free = shuffled(random, NAMES)
  const kinds = [
    'cut',
    'cut',
    'one-way',
    'one-way',
    'flap',
    'pause',
    'kill',
    'slow',
    ...(withDisk ? (['disk'] as const) : []),
  ] as const
  return Array.from({ length: randomInteger(random, 1, FAULTS_MAX) }, (): Fault => {
    const when = { afterMs: randomInteger(random, 0, AFTER_MAX_MS), forMs: randomInteger(random, SHORTEST_MS, LONGEST_MS) }
    const kind = kinds[randomInteger(random, 0, kinds.length - 1)] ?? 'cut'
    const names = shuffled(random, NAMES)
    const [first = 'a', second = 'b', ...others] = names
    switch (kind) {
      case 'cut':
        return { ...when, kind, side: names.slice(0, randomInteger(random, 1, 2)) }
      case 'one-way':
        return { ...when, kind, from: first, to: [second, ...others].slice(0, randomInteger(random, 1, NAMES.length - 1)) }
      case 'flap':
        return { ...when, kind, between: [first, second] }
      case 'slow':
        return { ...when, kind, delayMs: randomInteger(random, 20, DELAY_MAX_MS) }
      default:
        return { ...when, kind, node: free.pop() ?? first }
    }
  })
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const list = [...items]
  for (let i = list.length - 1; i > 0; i--) {
    const j = randomInteger(random, 0, i)
    const [a, b] = [list[i], list[j]]
    if (a !== undefined && b !== undefined) [list[i], list[j]] = [b, a]
  }
  return list
}

/** Has a fault come at its time, and taken back at its end. Cuts of one round are taken back together, by `mend`, or at their own pairs. */
export async function befall(mesh: PartitionMesh, fault: Fault): Promise<void> {
  await sleep(fault.afterMs)
  switch (fault.kind) {
    case 'cut': {
      const others = NAMES.filter((name) => !fault.side.includes(name))
      await mesh.network.part(fault.side, others)
      await sleep(fault.forMs)
      return pairs(fault.side, others, (a, b) => mesh.network.unblock(a, b))
    }
    case 'one-way':
      await pairsOneWay([fault.from], fault.to, (a, b) => mesh.network.block(a, b))
      await sleep(fault.forMs)
      return pairsOneWay([fault.from], fault.to, (a, b) => mesh.network.unblock(a, b))
    case 'flap': {
      const [a, b] = fault.between
      for (let passed = 0; passed < fault.forMs; passed += 2 * FLAP_MS) {
        await mesh.network.part([a], [b])
        await sleep(FLAP_MS)
        await pairs([a], [b], (x, y) => mesh.network.unblock(x, y))
        await sleep(FLAP_MS)
      }
      return
    }
    case 'slow':
      await mesh.slowDown(fault.delayMs)
      await sleep(fault.forMs)
      return mesh.slowDown(0)
    case 'pause':
      mesh.pause(fault.node)
      await sleep(fault.forMs)
      return mesh.resume(fault.node)
    case 'kill':
      await mesh.kill(fault.node)
      await sleep(fault.forMs)
      return mesh.revive(fault.node)
    case 'disk':
      mesh.disk(fault.node).fail()
      await sleep(fault.forMs)
      return mesh.disk(fault.node).mend()
  }
}

async function pairs(side: readonly Name[], others: readonly Name[], work: (a: Name, b: Name) => Promise<void>): Promise<void> {
  await Promise.all([pairsOneWay(side, others, work), pairsOneWay(others, side, work)])
}

async function pairsOneWay(from: readonly Name[], to: readonly Name[], work: (a: Name, b: Name) => Promise<void>): Promise<void> {
  await Promise.all(from.flatMap((a) => to.map((b) => work(a, b))))
}
