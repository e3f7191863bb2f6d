import { expect, test } from 'vitest'
import { ANCHORS_LEVEL, decodeGroupState, encodeGroupState, LINKS_BESIDE_ANCHOR, LINKS_MAX } from '../src/index.ts'
import { CHARTER, Group } from './support/group.ts'

/** A group whose docket has so many links. The authority of these tests believes of an anchor whatever count it names. */
function groupWith(count: number, level = ANCHORS_LEVEL): Group {
  const group = new Group({ ...CHARTER, featureLevel: level })
  const links = Array.from({ length: count }, (_, at) => ({ index: at + 2, certificate: `AA${String(at).padStart(4, '0')}` }))
  group.state = decodeGroupState(encodeGroupState({ ...group.state, links }))
  return group
}
const anchor = (group: Group, count: number): string =>
  group.outcome({ op: 'chain:anchor', anchor: `ANCHOR${String(count).padStart(4, '0')}` })

test('an anchor takes the place of the links it stands for, and the rest stay as they are', () => {
  const group = groupWith(40)
  const { links } = group.state
  expect(anchor(group, 24)).toBe('changed')
  expect(group.effects).toEqual([{ type: 'chain:anchored' }])
  expect(group.state.links).toEqual([{ index: 25, certificate: 'ANCHOR0024' }, ...links.slice(24)])
  expect(anchor(group, 24)).toBe('unchanged')
})

test('a docket that was full has room again, and is counted as what it takes', () => {
  const group = groupWith(LINKS_MAX)
  expect(group.outcome({ op: 'link:add', index: 99_999, certificate: 'AAAA' })).toBe('links-full')
  expect(anchor(group, LINKS_MAX - LINKS_BESIDE_ANCHOR)).toBe('changed')
  expect(group.outcome({ op: 'link:add', index: 99_999, certificate: 'AAAA' })).toBe('link-forged')
  expect(decodeGroupState(encodeGroupState(group.state)).bytes).toBe(group.state.bytes)
})

test.for([
  ['stands for none of the links here', 0, 'anchor-forged'],
  ['stands for one, and would shorten nothing', 1, 'anchor-forged'],
  ['stands for more than there are', 41, 'anchor-forged'],
  ['would leave fewer links than vouch for members', 40 - LINKS_BESIDE_ANCHOR + 1, 'anchor-early'],
] as const)('an anchor is refused that %s', ([, count, code]) => {
  const group = groupWith(40)
  const before = group.state
  expect(anchor(group, count)).toBe(code)
  expect(group.state).toBe(before)
})

test('an anchor is refused below its feature level, and from who is no member', () => {
  expect(anchor(groupWith(40, ANCHORS_LEVEL - 1), 24)).toBe('feature-level')
  const group = groupWith(40)
  expect(group.outcome({ op: 'chain:anchor', anchor: 'ANCHOR0024' }, { author: 'stranger' })).toBe('author-unknown')
})
