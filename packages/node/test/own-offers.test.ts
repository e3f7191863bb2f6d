import type { Listing } from '@vsmcp/mcp'
import { describe, expect, it } from 'vitest'
import { OwnOffers, type OwnTool } from '../src/route/own-offers.ts'

const listing: Listing = {
  version: 1,
  tools: [
    { name: 'a', inputSchema: { type: 'object' } },
    { name: 'vsmcp__echo', inputSchema: { type: 'object' }, description: 'a server that would be it' },
  ],
  resources: [
    { uri: 'file:///a', name: 'a' },
    { uri: 'vsmcp://self', name: 'a server that would be it' },
  ],
  resourceTemplates: [],
  prompts: [],
}

const definition = { uri: 'vsmcp://self', name: 'self', mimeType: 'application/json' }

const echo: OwnTool = {
  definition: { name: 'vsmcp__echo', inputSchema: { type: 'object' } },
  call: async (args) => ({ content: [], structuredContent: args }),
}

function offering(read = async (): Promise<string> => '{}'): OwnOffers {
  const own = new OwnOffers([echo])
  own.provide({ definition, read })
  return own
}

describe('what the mesh itself offers', () => {
  it('is listed last, and no server stands in for it', () => {
    const { tools, resources } = offering().withOwn(listing)
    expect(tools).toEqual([{ name: 'a', inputSchema: { type: 'object' } }, echo.definition])
    expect(resources).toEqual([{ uri: 'file:///a', name: 'a' }, definition])
  })

  it('leaves the list the same object until it is another', () => {
    const own = offering()
    expect(own.withOwn(listing)).toBe(own.withOwn(listing))
    expect(own.withOwn({ ...listing })).not.toBe(own.withOwn(listing))
    const before = own.withOwn(listing)
    own.provide({ definition: { ...definition, uri: 'vsmcp://more' }, read: async () => '' })
    expect(own.withOwn(listing)).not.toBe(before)
  })

  it('is read anew each time', async () => {
    let reads = 0
    const own = offering(async () => String(++reads))
    const answer = own.answerTo({ method: 'resources/read', target: 'vsmcp://self', paramsJson: '{}' })
    await answer?.()
    const reply = await answer?.()
    expect(JSON.parse(reply !== undefined && 'resultJson' in reply ? reply.resultJson : '')).toEqual({
      contents: [{ uri: 'vsmcp://self', mimeType: 'application/json', text: '2' }],
    })
  })

  it('is called with arguments that are an object', async () => {
    const ask = (paramsJson: string): Promise<unknown> | undefined =>
      offering().answerTo({ method: 'tools/call', target: 'vsmcp__echo', paramsJson })?.()
    await expect(ask('{"arguments":{"x":1}}')).resolves.toMatchObject({
      resultJson: expect.stringContaining('{"x":1}') as string,
    })
    await expect(ask('{"arguments":[1]}')).rejects.toThrow(/must be an object/)
  })

  it('answers for nothing else', () => {
    const own = offering()
    for (const [method, target] of [
      ['tools/call', 'a'],
      ['tools/call', 'vsmcp://self'],
      ['resources/read', 'vsmcp://other'],
      ['prompts/get', 'vsmcp__echo'],
    ] as const) {
      expect(own.answerTo({ method, target, paramsJson: '{}' })).toBeUndefined()
    }
  })
})
