import { GROUPS_MAX } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { type Above, isPath, labelsOf, pathUnder, refusedPlace, type WantedPlace } from '../../src/index.ts'

const above = (more: Partial<Above> = {}): Above => ({
  path: '/eu',
  lineage: ['root', 'g-eu'],
  children: [{ group: 'g-1', name: 'plant-1' }],
  isUnit: (name) => name === 'files',
  ...more,
})
const refusal = (wanted: Partial<WantedPlace>, more: Partial<Above> = {}): string | undefined =>
  refusedPlace({ group: 'g-7', name: 'plant-7', ...wanted }, above(more))?.code

describe('a path of a group', () => {
  it('is a slash and the labels of all levels', () => {
    expect(labelsOf('/')).toEqual([])
    expect(labelsOf('/eu/plant-7')).toEqual(['eu', 'plant-7'])
    expect(pathUnder('/', 'eu')).toBe('/eu')
    expect(pathUnder('/eu', 'plant-7')).toBe('/eu/plant-7')
    expect(labelsOf('/a/b/c/d/e/f/g/h')).toHaveLength(8)
  })

  it.each(['', 'eu', '//', '/eu/', '/eu//x', '/EU', '/-a', '/eu/..', '/a b', `/${'a'.repeat(25)}`, '/a/b/c/d/e/f/g/h/i'])(
    'is never %o, and who wrote that is told what one looks like',
    (text) => {
      expect(isPath(text)).toBe(false)
      expect(() => labelsOf(text)).toThrow(expect.objectContaining({ code: 'VSMCP_INVALID_ARGUMENT', hint: expect.any(String) }))
    },
  )
})

describe('a group may stand', () => {
  it('where its name is free and nothing forbids it', () => {
    expect(refusal({})).toBeUndefined()
    expect(refusal({ levelsBelow: 6 })).toBeUndefined()
  })

  it.each<[string, Partial<WantedPlace>, Partial<Above>, string]>([
    ['with a name that cannot be in a path', { name: 'Plant 7' }, {}, 'label-invalid'],
    ['with the name of a sibling', { name: 'plant-1' }, {}, 'name-taken'],
    ['with the name of a unit there', { name: 'files' }, {}, 'name-taken'],
    ['where it is already', { group: 'g-1', name: 'other' }, {}, 'already-there'],
    ['below itself', { group: 'g-eu' }, {}, 'cycle'],
    ['below what is below itself', { group: 'root' }, {}, 'cycle'],
    ['below nobody', {}, { path: undefined }, 'orphan'],
    ['with more levels below than there may be', { levelsBelow: 7 }, {}, 'too-deep'],
    ['on the ninth level', {}, { path: '/a/b/c/d/e/f/g/h' }, 'too-deep'],
    [
      'beside too many',
      {},
      { children: Array.from({ length: GROUPS_MAX }, (_, at) => ({ group: `g${at}`, name: `n${at}` })) },
      'too-many-children',
    ],
  ])('not %s', (_what, wanted, more, code) => {
    expect(refusal(wanted, more)).toBe(code)
  })

  it('and a person is told why not', () => {
    expect(refusedPlace({ group: 'g-eu', name: 'eu' }, above())?.reason).toBe('eu would be below itself in /eu')
  })
})
