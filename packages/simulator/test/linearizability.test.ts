import { expect, test } from 'vitest'
import { type Call, checkLinearizable } from '../src/linearizability.ts'
import { POLICY_MODEL, type PolicyInput, type PolicyOutput } from '../src/policy-history.ts'

type PolicyCall = Call<PolicyInput, PolicyOutput>

const set = (calledAt: number, expects: number, value: number, at?: number, kind: 'set' | 'refused' = 'set'): PolicyCall => ({
  input: { kind: 'set', expects, value },
  calledAt,
  ...(at === undefined ? {} : { answer: { output: { kind }, at } }),
})
const read = (calledAt: number, version: number, value: number, at: number): PolicyCall => ({
  input: { kind: 'read' },
  calledAt,
  answer: { output: { kind: 'read', version, value }, at },
})

test.for<[string, PolicyCall[]]>([
  ['nothing', []],
  ['one after the other', [set(0, 1, 7, 1), read(2, 2, 7, 3)]],
  ['a read beside a write sees it or not', [set(0, 1, 7, 5), read(1, 1, 0, 2), read(3, 2, 7, 4)]],
  ['of two writes at once one is refused', [set(0, 1, 7, 3), set(1, 1, 8, 4, 'refused'), read(5, 2, 7, 6)]],
  ['a write without an answer takes effect late', [set(0, 1, 7), read(1, 1, 0, 2), read(3, 2, 7, 4)]],
  ['or never', [set(0, 1, 7), read(1, 1, 0, 2), set(3, 1, 8, 4), read(5, 2, 8, 6)]],
])('finds an order for: %s', ([, history]) => {
  expect(checkLinearizable(POLICY_MODEL, history).linearizable).toBe(true)
})

test.for<[string, PolicyCall[]]>([
  ['a read of what was replaced before', [set(0, 1, 7, 1), read(2, 1, 0, 3)]],
  ['a read of what nobody wrote', [read(0, 2, 9, 1)]],
  ['two reads that go back', [set(0, 1, 7, 9), read(1, 2, 7, 2), read(3, 1, 0, 4)]],
  ['two writes that both replace the same', [set(0, 1, 7, 2), set(1, 1, 8, 3)]],
  ['a write refused though its version stood', [set(0, 1, 7, 1, 'refused')]],
  ['a write without an answer that took effect and then did not', [set(0, 1, 7), read(1, 2, 7, 2), set(3, 1, 8, 4)]],
])('finds none for: %s', ([, history]) => {
  const verdict = checkLinearizable(POLICY_MODEL, history)
  expect(verdict.linearizable).toBe(false)
})

test('a search that would take too long says so and claims nothing', () => {
  const history = Array.from({ length: 12 }, (_, at) => set(at, 1, at))
  expect(checkLinearizable(POLICY_MODEL, [...history, read(20, 9, 9, 21)], 50).linearizable).toBeUndefined()
})
