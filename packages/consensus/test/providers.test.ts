import { expect, test } from 'vitest'
import { decodeGroupState, encodeGroupState, PROVIDERS_LEVEL, providersOf } from '../src/index.ts'
import * as constants from '../src/constants.ts'
import { CHARTER, Group } from './support/group.ts'

const ONE = '1'.repeat(64)
const OTHER = '2'.repeat(64)

/** `b` runs the unit; all but the founder are of one zone. */
function group(featureLevel = PROVIDERS_LEVEL): Group {
  const made = new Group({ ...CHARTER, featureLevel }).join('b').join('c').join('d')
  made.ask({ op: 'unit:claim', unit: 'files', peer: 'b', digest: ONE }, { author: 'b' })
  made.ask({ op: 'name:grant', bareName: 'read', unit: 'files' }, { author: 'b' })
  return made
}

const replicate = (of: Group, peer: string, digest = ONE, unit = 'files'): string =>
  of.outcome({ op: 'unit:replicate', unit, peer, digest }, { author: peer })

const providers = (of: Group): readonly string[] => {
  const claim = of.state.units.get('files')
  return claim === undefined ? [] : providersOf(claim)
}

test('a member of the same zone with the same definitions becomes one more provider; asked again it is unchanged', () => {
  const files = group()
  expect([replicate(files, 'c'), replicate(files, 'c'), replicate(files, 'b')]).toEqual(['changed', 'unchanged', 'unchanged'])
  expect(providers(files)).toEqual(['b', 'c'])
  expect(files.outcome({ op: 'unit:replicate', unit: 'files', peer: 'd', digest: ONE }, { author: 'c' })).toBe('not-yours')
})

test('a replica of what is not there is the first provider', () => {
  const files = group()
  expect(replicate(files, 'c', OTHER, 'maps')).toBe('changed')
  expect(files.state.units.get('maps')).toMatchObject({ peer: 'c', digest: OTHER })
})

test.each([
  ['definitions-differ', (of: Group) => replicate(of, 'c', OTHER)],
  ['zone-differs', (of: Group) => replicate(of, 'a')],
  [
    'definitions-differ',
    (of: Group) => {
      of.ask({ op: 'unit:claim', unit: 'old', peer: 'b' }, { author: 'b' })
      return replicate(of, 'c', ONE, 'old')
    },
  ],
  [
    'providers-full',
    (of: Group) => {
      for (let more = 1; more < constants.UNIT_PROVIDERS_MAX; more++) replicate(of.join(`p${more}`), `p${more}`)
      return replicate(of, 'c')
    },
  ],
  ['unit-taken', (of: Group) => of.outcome({ op: 'unit:claim', unit: 'files', peer: 'c', digest: ONE }, { author: 'c' })],
])('a replica is refused: %s', (code, ask) => {
  const files = group()
  expect(ask(files)).toBe(code)
  expect(providers(files)).not.toContain('c')
})

test('only the first provider declares what the unit offers, and others cannot declare it otherwise', () => {
  const files = group()
  replicate(files, 'c')
  expect(replicate(files, 'c', OTHER)).toBe('definitions-differ')
  expect(files.outcome({ op: 'unit:claim', unit: 'files', peer: 'c', digest: OTHER }, { author: 'c' })).toBe('unit-taken')
  expect(files.state.units.get('files')?.digest).toBe(ONE)
  expect(files.outcome({ op: 'unit:claim', unit: 'files', peer: 'b', digest: OTHER }, { author: 'b' })).toBe('changed')
  expect(files.state.units.get('files')).toMatchObject({ digest: OTHER, replicas: [{ peer: 'c' }] })
})

test('when the first provider goes, the next in line is the first, with the names and what was declared', () => {
  const files = group()
  for (const peer of ['c', 'd']) replicate(files, peer)
  expect(files.outcome({ op: 'unit:release', unit: 'files' }, { author: 'b' })).toBe('changed')
  expect(files.effects).toEqual([{ type: 'unit:released', unit: 'files', peer: 'b' }])
  expect(providers(files)).toEqual(['c', 'd'])
  expect([files.state.units.get('files')?.digest, files.state.names.get('read')?.unit]).toEqual([ONE, 'files'])
  expect(files.outcome({ op: 'unit:release', unit: 'files' }, { author: 'd' })).toBe('changed')
  expect(files.state.units.get('files')).not.toHaveProperty('replicas')
  expect(files.outcome({ op: 'unit:release', unit: 'files' }, { author: 'd' })).toBe('not-yours')
  expect(files.outcome({ op: 'unit:release', unit: 'files' }, { author: 'c' })).toBe('changed')
  expect([files.state.units.size, files.state.names.size]).toEqual([0, 0])
})

test('a member that is taken off the list leaves the unit to the other providers', () => {
  const files = new Group({ ...CHARTER, featureLevel: 1 }).join('b').join('c')
  files.state = { ...files.state, charter: { ...files.state.charter, featureLevel: PROVIDERS_LEVEL } }
  files.ask({ op: 'unit:claim', unit: 'files', peer: 'b', digest: ONE }, { author: 'b' })
  replicate(files, 'c')
  files.state = { ...files.state, charter: { ...files.state.charter, featureLevel: 1 } }
  expect(files.outcome({ op: 'member:remove', peer: 'b' }, { author: 'b' })).toBe('changed')
  expect(providers(files)).toEqual(['c'])
})

test('each provider claims resources for itself, and grants names to the unit', () => {
  const files = group()
  replicate(files, 'c')
  const resources = [{ resource: 'arm', shared: false }]
  for (const author of ['b', 'c'])
    expect(files.outcome({ op: 'claim:ask', unit: 'files', resources }, { author })).toBe('changed')
  expect(files.state.claims.entries().map(([, { peer, token }]) => [peer, token !== undefined])).toEqual([
    ['b', true],
    ['c', false],
  ])
  expect(files.outcome({ op: 'claim:ask', unit: 'files', resources }, { author: 'd' })).toBe('not-yours')
  expect(files.outcome({ op: 'name:grant', bareName: 'write', unit: 'files' }, { author: 'c' })).toBe('changed')
})

test('below its feature level there is one provider, and no definitions are kept: older nodes would know neither', () => {
  const files = group(PROVIDERS_LEVEL - 1)
  expect(files.state.units.get('files')).not.toHaveProperty('digest')
  expect(replicate(files, 'c')).toBe('feature-level')
})

test('a state with replicas is read back as it was written, and one with too many, or half of one, is refused', () => {
  const files = group()
  for (const peer of ['c', 'd']) replicate(files, peer)
  const bytes = encodeGroupState(files.state)
  expect(encodeGroupState(decodeGroupState(bytes))).toEqual(bytes)
  expect(decodeGroupState(bytes).bytes).toBe(files.state.bytes)
  const text = new TextDecoder().decode(bytes)
  const spoilt = (from: string | RegExp, to: string): Uint8Array => new TextEncoder().encode(text.replace(from, to))
  expect(() => decodeGroupState(spoilt(/"replicas":\[[^\]]*\]/, '"replicas":[{"peer":"c"}]'))).toThrow(/claimedAtMs/)
  expect(() => decodeGroupState(spoilt(ONE, 'short'))).toThrow(/digest/)
})
