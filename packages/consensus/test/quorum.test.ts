import { seededRandom } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import { outcomeOf, reachedByQuorum } from '../src/raft/quorum.ts'

test.for<[string[], string[], number[], number]>([
  [['a'], [], [7], 7],
  [['a', 'b'], [], [7, 3], 3],
  [['a', 'b', 'c'], [], [7, 3, 5], 5],
  [['a', 'b', 'c', 'd'], [], [7, 3, 5, 6], 5],
  [['a', 'b', 'c'], ['a'], [3, 7, 5], 3],
  [[], [], [], 0],
])('what a quorum of %j and %j has reached', ([voters, outgoing, indexes, expected]) => {
  const index = (peer: string): number => indexes['abcd'.indexOf(peer)] ?? 0
  expect(reachedByQuorum({ voters, outgoing }, index)).toBe(expected)
})

test.for<[string[], string[], string, string]>([
  [['a'], [], 'y', 'won'],
  [['a', 'b', 'c'], [], 'yy-', 'won'],
  [['a', 'b', 'c'], [], 'yn-', 'pending'],
  [['a', 'b', 'c'], [], 'nn-', 'lost'],
  [['a', 'b'], [], 'yn', 'lost'],
  [['a', 'b', 'c'], ['d'], 'yy--', 'pending'],
  [['a', 'b', 'c'], ['d'], 'yy-n', 'lost'],
  [['a', 'b', 'c'], ['d'], 'yy-y', 'won'],
  [[], [], '', 'lost'],
])('how a vote of %j and %j stands at %s', ([voters, outgoing, answers, expected]) => {
  const ballot = (peer: string): boolean | undefined => ({ y: true, n: false })[answers['abcd'.indexOf(peer)] ?? '-']
  expect(outcomeOf({ voters, outgoing }, ballot)).toBe(expected)
})

test('two quorums of one configuration, or of a joint one and either of its halves, always share a voter', () => {
  const random = seededRandom(5)
  const some = (from: readonly string[]): string[] => from.filter(() => random.next() < 0.6)
  const all = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  for (let i = 0; i < 5_000; i++) {
    const [voters, outgoing] = [some(all), some(all)]
    const [one, other] = [new Set(some(all)), new Set(some(all))]
    if (voters.length === 0 || outgoing.length === 0) continue
    if (outcomeOf({ voters, outgoing }, (peer) => one.has(peer)) !== 'won') continue
    for (const half of [voters, outgoing]) {
      if (outcomeOf({ voters: half, outgoing: [] }, (peer) => other.has(peer)) === 'won') {
        expect([...one].some((peer) => other.has(peer))).toBe(true)
      }
    }
  }
})
