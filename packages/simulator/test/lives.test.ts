import { expect, test } from 'vitest'
import { simulate } from '../src/index.ts'

/** Each showed a fault of the code when it was found. */
test.for([
  [667, 'a copy under the same identity made the original commit what nobody had decided'],
  [149, 'a leader and a follower whose copy had acknowledged more sent each other messages without end'],
  [328, 'a leader elected after a change of voters was believed by nobody who had missed the change'],
])('seed %i: %s', ([seed]) => {
  expect(simulate({ seed: Number(seed) }).recoveredMs).toBeGreaterThan(0)
})

test('one seed drives all: the same seed gives the same life, line for line', () => {
  const trace = (): string[] => {
    const lines: string[] = []
    simulate({ seed: 42, trace: (line) => lines.push(line) })
    return lines
  }
  const first = trace()
  expect(first.length).toBeGreaterThan(500)
  expect(trace()).toEqual(first)
})
