import { describe, expect, it } from 'vitest'
import { type Question, routeOf, type Step, type Surroundings } from '../../src/index.ts'

const children = [
  { group: 'x', mayHave: true },
  { group: 'y', mayHave: false },
  { group: 'z', mayHave: true },
]
const around = (more: Partial<Surroundings> = {}): Surroundings => ({ group: 'g', parent: 'p', lists: false, children, ...more })
const asked = (more: Partial<Question> = {}): Question => ({ tool: 'read', asker: { from: 'here' }, visited: [], ...more })
const ways = (steps: readonly Step[]): string[] => steps.map((step) => (step.to === 'child' ? step.group : step.to))

describe('the way of a question', () => {
  it.each<[string, Partial<Question>, Partial<Surroundings>, string[]]>([
    [
      'stays here where the tool is listed, and knows what to try when it is gone',
      {},
      { lists: true },
      ['here', 'x', 'z', 'parent'],
    ],
    ['goes to children that may have it, then up', {}, {}, ['x', 'z', 'parent']],
    ['that came down does not go up again', { asker: { from: 'parent' }, visited: ['p'] }, {}, ['x', 'z']],
    [
      'that came up does not go down to where it came from',
      { asker: { from: 'child', group: 'x' }, visited: ['x'] },
      {},
      ['z', 'parent'],
    ],
    ['ends at the root', { asker: { from: 'child', group: 'x' }, visited: ['x'] }, { parent: undefined, children: [] }, []],
    ['never comes twice to a group', { visited: ['g'] }, { lists: true }, []],
    ['passes no group that was passed', { visited: ['z', 'p'] }, {}, ['x']],
    [
      'ends after as many groups as lead up and down',
      { visited: Array.from({ length: 17 }, (_, at) => `v${at}`) },
      { lists: true },
      [],
    ],
    [
      'asks no more children than is sensible',
      {},
      { parent: undefined, children: Array.from({ length: 64 }, (_, at) => ({ group: `c${at}`, mayHave: true })) },
      ['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7'],
    ],
  ])('%s', (_what, question, surroundings, expected) => {
    expect(ways(routeOf(asked(question), around(surroundings)).steps)).toEqual(expected)
  })

  it('takes along where it has been', () => {
    expect(routeOf(asked({ visited: ['x'] }), around()).visited).toEqual(['x', 'g'])
  })
})
