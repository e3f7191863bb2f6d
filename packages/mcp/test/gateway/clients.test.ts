import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OutcomeUnknownError } from '@vsmcp/kernel'
import type { Gateway, McpReply, RoutedRequest } from '@vsmcp/mcp'
import { startGateway } from './support/gateway-fixture.ts'
import { ScriptedRouter, textReply, toolNamed } from './support/scripted-router.ts'
import { CLIENTS, type TestClient } from './support/test-clients.ts'

const STRUCTURED = '{"content":[{"type":"text","text":"{}"}],"structuredContent":{"n":1,"deep":{"list":[1,"two",null]}}}'

/** The progress token of a request, as JSON. */
function tokenOf({ paramsJson }: RoutedRequest): string {
  return JSON.stringify((JSON.parse(paramsJson) as { _meta: { progressToken: unknown } })._meta.progressToken)
}

/** A listing with something of everything. */
function populatedRouter(): ScriptedRouter {
  const outputSchema = { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] } as const
  return new ScriptedRouter()
    .tool(toolNamed('echo'), ({ paramsJson }) =>
      textReply(JSON.stringify((JSON.parse(paramsJson) as { arguments: unknown }).arguments)),
    )
    .tool(toolNamed('fails'), () => ({ era: 'legacy', resultJson: '{"content":[{"type":"text","text":"no"}],"isError":true}' }))
    .tool(toolNamed('structured', { outputSchema }), () => ({ era: 'legacy', resultJson: STRUCTURED }))
    .tool(toolNamed('logs'), ({ paramsJson, onNotification }) => {
      const level = /"io\.modelcontextprotocol\/logLevel":"(?<level>\w+)"/.exec(paramsJson)?.groups?.['level']
      if (level !== undefined) onNotification('notifications/message', JSON.stringify({ level, data: { asked: level } }))
      return textReply('done')
    })
    .resource({ uri: 'x://one', name: 'one' }, () => ({
      era: 'legacy',
      resultJson: '{"contents":[{"uri":"x://one","text":"1"}]}',
    }))
    .template({ uriTemplate: 'x://{n}', name: 'any' }, () => textReply(''))
    .prompt({ name: 'greet', arguments: [{ name: 'who' }] }, ({ method, paramsJson }) => {
      if (method === 'completion/complete') return { era: 'legacy', resultJson: '{"completion":{"values":["Ada","Alan"]}}' }
      const { arguments: args } = JSON.parse(paramsJson) as { arguments: { who: string } }
      const messages = [{ role: 'user', content: { type: 'text', text: `Hello ${args.who}` } }]
      return { era: 'legacy', resultJson: JSON.stringify({ messages }) }
    })
}

describe.each(Object.entries(CLIENTS))('%s', (_kind, connect) => {
  let router: ScriptedRouter
  let gateway: Gateway
  let client: TestClient
  const failures: string[] = []

  beforeAll(async () => {
    router = populatedRouter()
    gateway = await startGateway(router, { name: 'mesh', instructions: 'Be kind.' }, failures)
    client = await connect(gateway.url())
  })

  afterAll(async () => {
    await client.close()
    await gateway.stop()
    expect(failures).toEqual([])
  })

  it('uses tools, resources, prompts and completion as those of one server', async () => {
    expect((await client.list('tools')).slice(0, 4)).toEqual(['echo', 'fails', 'structured', 'logs'])
    expect(await client.list('resources')).toEqual(['x://one'])
    expect(await client.list('resourceTemplates')).toEqual(['x://{n}'])
    expect(await client.list('prompts')).toEqual(['greet'])
    expect(await client.call('echo', { a: 1 })).toMatchObject({ content: [{ type: 'text', text: '{"a":1}' }] })
    expect(await client.call('fails')).toMatchObject({ isError: true })
    expect(await client.call('structured')).toMatchObject({ structuredContent: { n: 1, deep: { list: [1, 'two', null] } } })
    expect(await client.read('x://one')).toMatchObject({ contents: [{ uri: 'x://one', text: '1' }] })
    expect(await client.prompt('greet', { who: 'Ada' })).toMatchObject({ messages: [{ content: { text: 'Hello Ada' } }] })
    expect(await client.complete('greet', 'who', 'A')).toEqual(['Ada', 'Alan'])
    await expect(client.call('unknown')).rejects.toMatchObject({ code: -32602 })
    await expect(client.read('x://none')).rejects.toThrow(/there is no/)
  })

  it('hears progress and log messages before the answer, and logs only when it asked', async () => {
    const progress: number[] = []
    let heard = Promise.withResolvers<void>()
    router.tool(toolNamed('steps'), async (request) => {
      for (const step of [1, 2, 3]) {
        heard = Promise.withResolvers<void>()
        request.onNotification('notifications/progress', `{"progressToken":${tokenOf(request)},"progress":${step},"total":3}`)
        // SDK clients lose progress that arrives in one piece with the answer.
        await heard.promise
      }
      return textReply('done')
    })
    await client.call(
      'steps',
      {},
      {
        onProgress: (value) => {
          progress.push(value)
          heard.resolve()
        },
      },
    )
    expect(progress).toEqual([1, 2, 3])
    const logs: unknown[] = []
    client.onLog((data) => logs.push(data))
    await client.call('logs')
    expect(logs).toEqual([])
    await client.call('logs', {}, { logLevel: 'info' })
    expect(logs).toEqual([{ asked: 'info' }])
  })

  it('cancels a call at the server', async () => {
    const { promise: started, resolve: start } = Promise.withResolvers<AbortSignal>()
    router.tool(toolNamed('endless'), ({ signal }) => {
      start(signal)
      return new Promise<McpReply>((_done, reject) => {
        signal.addEventListener('abort', () => reject(new OutcomeUnknownError('cancelled')), { once: true })
      })
    })
    const cancel = new AbortController()
    const pending = client.call('endless', {}, { signal: cancel.signal })
    const failed = expect(pending).rejects.toThrow()
    const signal = await started
    const reached = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    cancel.abort()
    await failed
    await reached
  })

  it('is told when a tool comes and when it goes', async () => {
    let changed = Promise.withResolvers<void>()
    await client.onToolsChanged(() => changed.resolve())
    // A legacy client over HTTP opens its stream after connecting, unasked; one answered request later it is open.
    await client.call('echo')
    /** Looks at the list only after having been told; what is told first may be of a change by an earlier test. */
    const toldThat = async (isListed: boolean): Promise<void> => {
      do {
        await changed.promise
        changed = Promise.withResolvers<void>()
      } while ((await client.list('tools')).includes('late') !== isListed)
    }
    router.tool(toolNamed('late'), () => textReply(''))
    await toldThat(true)
    router.remove('late')
    await toldThat(false)
  })
})
