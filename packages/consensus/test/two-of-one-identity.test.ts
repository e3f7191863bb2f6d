import { expect, test } from 'vitest'
import { append, entry, Single } from './support/single.ts'

/** What a copy (`uncounted`) or the original says it holds. */
const has = (index: number, uncounted?: true) =>
  ({ type: 'appendAnswer', term: 2, index, rejected: false, hintIndex: 0, hintTerm: 0, ...(uncounted && { uncounted }) }) as const

test('rule 8: what a copy acknowledged is never told to the original as committed', () => {
  const leader = new Single().lead()
  leader.accept('n3', 2)
  leader.hear('n2', has(2, true))
  expect(leader.node.status().commit).toBe(2)
  const told = leader.pass(100).filter(({ to, message }) => to === 'n2' && message.type === 'heartbeat')
  expect(told).toMatchObject([{ message: { commit: 0 } }])
})

test('rule 8: a copy commits by what follows its log, not by a heartbeat about the original’s', () => {
  const copy = new Single({ mayVote: false })
  copy.hear('n2', append(2, [1, 1], [entry(2, 2, 'never committed')]))
  copy.hear('n3', { type: 'heartbeat', term: 3, commit: 2, round: 0 })
  expect(copy.applied).toEqual([])
  const original = new Single()
  original.hear('n2', append(2, [1, 1], [entry(2, 2, 'committed')]))
  original.hear('n2', { type: 'heartbeat', term: 2, commit: 2, round: 0 })
  expect(original.applied).toHaveLength(1)
})

test('rule 8: a leader finds where the log of the original ends, though a copy of it acknowledged more', () => {
  const leader = new Single().lead()
  leader.accept('n3', 2)
  leader.hear('n2', has(2, true))
  const answers = leader.hear('n2', { ...has(2), rejected: true, hintIndex: 1, hintTerm: 1 })
  expect(answers).toMatchObject([{ type: 'append', previousIndex: 1, entries: [{ index: 2 }] }])
})
