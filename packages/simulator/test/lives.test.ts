import { expect, test } from 'vitest'
import { simulate } from '../src/index.ts'

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
