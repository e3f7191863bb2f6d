import { expect, test } from 'vitest'
import { couldElect } from '../src/system5/election-proof.ts'

const era = (voters: readonly string[], epoch = 1) => ({ epoch, index: 0, voters, digest: '' })
const chainOf = (...eras: (readonly string[])[]) => ({
  eras: eras.map((voters) => era(voters)),
  voters: eras.at(-1) ?? [],
  epoch: 1,
})
const grown = chainOf(['a'], ['a', 'b', 'c'], ['a', 'c', 'd'])

test.for<[string, string, readonly string[], readonly string[], boolean]>([
  ['a majority of the voters of now, whatever is known', 'd', ['c', 'd'], ['x'], true],
  ['a minority of the voters of now', 'd', ['d'], [], false],
  ['to a newcomer: the founder alone, which still votes', 'a', ['a'], [], true],
  ['to a newcomer: a former voter alone', 'b', ['b'], [], false],
  ['to a newcomer: earlier voters, for one that votes no more', 'b', ['a', 'b'], [], false],
  ['earlier voters of the very era this node knows', 'a', ['a', 'b'], ['c', 'b', 'a'], true],
  ['the founder alone, to who knows a later era', 'a', ['a'], ['a', 'b', 'c'], false],
  ['the founder alone, to who knows voters that are not certified', 'a', ['a'], ['a', 'x', 'y'], false],
  ['strangers', 'x', ['x', 'y'], [], false],
])('an election is believed only of who could elect: %s', ([, candidate, signers, known, expected]) => {
  expect(couldElect({ candidate, signers }, grown, known)).toBe(expected)
})

test('voters of an earlier epoch elect nobody', () => {
  const recovered = { eras: [era(['a', 'b', 'c']), era(['c'], 2)], voters: ['c'], epoch: 2 }
  expect(couldElect({ candidate: 'c', signers: ['a', 'b'] }, recovered, [])).toBe(false)
})
