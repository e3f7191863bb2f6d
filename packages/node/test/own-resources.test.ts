import type { Listing } from '@vsmcp/mcp'
import { describe, expect, it } from 'vitest'
import { OwnResources } from '../src/route/own-resources.ts'

const listing: Listing = {
  version: 1,
  tools: [],
  resources: [
    { uri: 'file:///a', name: 'a' },
    { uri: 'vsmcp://self', name: 'a server that would be it' },
  ],
  resourceTemplates: [],
  prompts: [],
}

const definition = { uri: 'vsmcp://self', name: 'self', mimeType: 'application/json' }

describe('resources of the mesh itself', () => {
  it('are listed last, and no server stands in for one', () => {
    const own = new OwnResources()
    own.provide({ definition, read: async () => '{}' })
    expect(own.withOwn(listing).resources).toEqual([{ uri: 'file:///a', name: 'a' }, definition])
  })

  it('leave the list the same object until it is another', () => {
    const own = new OwnResources()
    own.provide({ definition, read: async () => '{}' })
    expect(own.withOwn(listing)).toBe(own.withOwn(listing))
    expect(own.withOwn({ ...listing })).not.toBe(own.withOwn(listing))
  })

  it('are read anew each time', async () => {
    let reads = 0
    const own = new OwnResources()
    own.provide({ definition, read: async () => String(++reads) })
    await own.read('vsmcp://self')
    const reply = await own.read('vsmcp://self')
    expect(JSON.parse('resultJson' in reply ? reply.resultJson : '')).toEqual({
      contents: [{ uri: 'vsmcp://self', mimeType: 'application/json', text: '2' }],
    })
    await expect(own.read('vsmcp://other')).rejects.toThrow(/no resource vsmcp:\/\/other/)
  })
})
