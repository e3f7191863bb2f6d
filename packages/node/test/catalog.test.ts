import { type GroupState, Table } from '@vsmcp/consensus'
import { silentLogger } from '@vsmcp/kernel'
import type { SharedRecord, SharedState } from '@vsmcp/state'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Catalog } from '../src/catalog/catalog.ts'
import { canBeBare, qualifiedName, qualifiedUri, splitQualifiedUri } from '../src/catalog/exposed-names.ts'
import { TargetUnknownError } from '../src/errors.ts'

interface Offer {
  unit: string
  node: string
  tools?: string[]
  resources?: string[]
  templates?: string[]
}

function catalogOf(offers: Offer[], docket: { owners?: Record<string, string>; names?: Record<string, string> } = {}): Catalog {
  const owners = docket.owners ?? Object.fromEntries(offers.map(({ unit, node }) => [unit, node]))
  const records = offers.map(({ unit, node, tools = [], resources = [], templates = [] }): SharedRecord => ({
    collection: 'units',
    key: unit,
    writer: node,
    epoch: 1,
    seq: 1,
    issuedAtMs: 0,
    expiresAtMs: 1,
    value: {
      kind: 'stdio',
      era: 'legacy',
      server: { name: unit, version: '1' },
      digest: '',
      tools: tools.map((name) => ({ name, inputSchema: { type: 'object' } })),
      prompts: [],
      resources: resources.map((uri) => ({ uri, name: uri })),
      resourceTemplates: templates.map((uriTemplate) => ({ uriTemplate, name: uriTemplate })),
    },
  }))
  const group = {
    units: Table.from(Object.entries(owners).map(([unit, peer]) => [unit, { peer }] as const)),
    names: Table.from(Object.entries(docket.names ?? {}).map(([name, unit]) => [name, { unit }] as const)),
  } as unknown as GroupState
  const state = { entries: () => records } as unknown as SharedState
  const catalog = new Catalog({ state, group: () => group, logger: silentLogger })
  catalog.refresh()
  return catalog
}

describe('exposed names', () => {
  it('are what model APIs accept, whatever the tool is called, and differ for different tools', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 200 }), fc.string({ minLength: 1, maxLength: 200 }), (a, b) => {
        expect(qualifiedName('unit', a)).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
        if (a !== b) expect(qualifiedName('unit', a)).not.toBe(qualifiedName('unit', b))
      }),
    )
  })

  it('never let a bare name look like a qualified one', () => {
    expect(canBeBare('files__read')).toBe(false)
    expect(canBeBare('read file')).toBe(false)
    expect(canBeBare('read_file')).toBe(true)
  })

  it('give back the URI they were made of', () => {
    fc.assert(
      fc.property(fc.webUrl(), (uri) => {
        expect(splitQualifiedUri(qualifiedUri('files', uri))).toEqual({ unit: 'files', uri })
      }),
    )
    expect(splitQualifiedUri('file:///tmp')).toBeUndefined()
  })
})

describe('the catalog', () => {
  const twoFileServers: Offer[] = [
    { unit: 'docs', node: 'A', tools: ['read'], resources: ['file:///x', 'file:///docs'], templates: ['doc://{name}'] },
    { unit: 'code', node: 'B', tools: ['read', 'a tool'], resources: ['file:///x'] },
  ]

  it('lists a tool bare only for the unit that the docket gave the name to; all can be called qualified', () => {
    const catalog = catalogOf(twoFileServers, { names: { read: 'docs' } })
    expect(catalog.listing.tools.map(({ name }) => name)).toEqual(['read', 'code__read', qualifiedName('code', 'a tool')])
    expect(catalog.tool('read')).toMatchObject({ unit: 'docs', node: 'A', name: 'read' })
    expect(catalog.tool('docs__read')).toMatchObject({ unit: 'docs' })
    expect(catalog.tool('code__read')).toMatchObject({ unit: 'code', node: 'B', name: 'read' })
  })

  it('lists every tool qualified while nothing has been granted, and asks for each bare name once', () => {
    const catalog = catalogOf(twoFileServers)
    expect(catalog.listing.tools.every(({ name }) => name.includes('__'))).toBe(true)
    expect(catalog.ungrantedNames()).toEqual([{ bareName: 'read', unit: 'docs' }])
  })

  it('leaves out a unit that the docket gave to another node', () => {
    const catalog = catalogOf(twoFileServers, { owners: { docs: 'somebody else', code: 'B' } })
    expect(catalog.units.map(({ unit }) => unit)).toEqual(['code'])
    expect(() => catalog.tool('docs__read')).toThrow(TargetUnknownError)
  })

  it('reads a resource by its URI while one unit offers it, and says how to choose when several do', () => {
    const catalog = catalogOf(twoFileServers)
    expect(catalog.resource('file:///docs')).toEqual({
      unit: 'docs',
      node: 'A',
      name: 'file:///docs',
      providers: ['A'],
      isRepeatable: true,
    })
    expect(catalog.resource('doc://manual')).toMatchObject({ unit: 'docs', name: 'doc://manual' })
    expect(catalog.resource('vsmcp://code/file:///x')).toMatchObject({ unit: 'code', node: 'B', name: 'file:///x' })
    expect(() => catalog.resource('file:///x')).toThrow(TargetUnknownError)
    expect(catalog.listing.resources.map(({ uri }) => uri)).toEqual([
      'vsmcp://docs/file:///x',
      'file:///docs',
      'vsmcp://code/file:///x',
    ])
  })

  it('keeps the same listing object until something in it changes', () => {
    const catalog = catalogOf(twoFileServers)
    const before = catalog.listing
    const kinds: string[] = []
    catalog.onChanged((changed) => kinds.push(...changed))
    catalog.refresh()
    expect(catalog.listing).toBe(before)
    expect(kinds).toEqual([])
  })
})
