import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TopicInvalidError, topicsOf } from '../src/index.ts'

const MESH = '00112233445566778899aabbccddeeff'

describe('topics of a group', () => {
  const topics = topicsOf(MESH, 'root')

  it('have the names of the model under mesh and group', () => {
    expect(topics.unit('files')).toBe(`vsmcp/${MESH}/root/system:1:unit:files`)
    expect(topics.coordination).toBe(`vsmcp/${MESH}/root/system:2:coord`)
    expect(topics.control).toBe(`vsmcp/${MESH}/root/system:3:control`)
    expect(topics.intelligence).toBe(`vsmcp/${MESH}/root/system:4:intel`)
    expect(topics.policy).toBe(`vsmcp/${MESH}/root/system:5:policy`)
    expect(topics.alert).toBe(`vsmcp/${MESH}/root/algedonic:alert`)
    expect(topics.state).toBe(`vsmcp/${MESH}/root/state`)
  })

  it('are found again by their names', () => {
    expect(topics.parse(topics.unit('files'))).toEqual({ topic: 'unit', unit: 'files' })
    expect(topics.parse(topics.coordination)).toEqual({ topic: 'coordination' })
    expect(topics.parse(topics.control)).toEqual({ topic: 'control' })
    expect(topics.parse(topics.intelligence)).toEqual({ topic: 'intelligence' })
    expect(topics.parse(topics.policy)).toEqual({ topic: 'policy' })
    expect(topics.parse(topics.alert)).toEqual({ topic: 'alert' })
    expect(topics.parse(topics.state)).toEqual({ topic: 'state' })
  })

  it('are not those of another group or mesh', () => {
    expect(topics.parse(topicsOf(MESH, 'eu').control)).toBeUndefined()
    expect(topics.parse(topicsOf('f'.repeat(32), 'root').control)).toBeUndefined()
    expect(topicsOf(MESH, 'eu').parse(topics.state)).toBeUndefined()
  })

  it('are nothing else: any other name is not a topic', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (suffix) => {
        const found = topics.parse(`vsmcp/${MESH}/root/${suffix}`)
        if (found?.topic === 'unit') expect(suffix).toBe(`system:1:unit:${found.unit}`)
        else if (found !== undefined) expect(suffix).toBe({ ...topics }[found.topic].slice(`vsmcp/${MESH}/root/`.length))
      }),
      { seed: 1 },
    )
    expect(topics.parse(`vsmcp/${MESH}/root/system:1:unit:`)).toBeUndefined()
    expect(topics.parse(`vsmcp/${MESH}/root/system:1:unit:UP/..`)).toBeUndefined()
    expect(topics.parse(`vsmcp/${MESH}/root/toString`)).toBeUndefined()
  })

  it.each([
    ['a mesh id that is none', 'xyz', 'root'],
    ['a group that climbs', MESH, '../x'],
    ['an empty group', MESH, ''],
    ['a group too long', MESH, 'g'.repeat(65)],
  ])('refuse %s', (_what, mesh, group) => {
    expect(() => topicsOf(mesh, group)).toThrow(TopicInvalidError)
  })

  it('refuse a unit name that is none', () => {
    expect(() => topics.unit('a/b')).toThrow(TopicInvalidError)
  })
})
