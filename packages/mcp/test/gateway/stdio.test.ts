import { PassThrough } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { OutcomeUnknownError, systemClock } from '@vsmcp/kernel'
import { type McpReply, runStdio } from '@vsmcp/mcp'
import { failuresTo, modernBody, type RpcAnswer, rpc } from './support/gateway-fixture.ts'
import { ScriptedRouter, textReply, toolNamed } from './support/scripted-router.ts'

/** A client that writes lines and reads lines. */
class Line {
  readonly router = new ScriptedRouter().tool(toolNamed('echo'), ({ paramsJson }) => textReply(paramsJson))
  readonly stdin = new PassThrough()
  readonly stdout = new PassThrough()
  readonly failures: string[] = []
  readonly over: Promise<void>
  #rest = ''
  readonly #lines: string[] = []
  #wake = (): void => {}

  constructor() {
    this.stdout.on('data', (chunk) => {
      const lines = (this.#rest + String(chunk)).split('\n')
      this.#rest = lines.pop() ?? ''
      this.#lines.push(...lines)
      this.#wake()
    })
    const { router: backend, stdin, stdout } = this
    this.over = runStdio({ stdin, stdout, backend, name: 'mesh' })({ clock: systemClock, logger: failuresTo(this.failures) })
  }

  write(text: string): void {
    this.stdin.write(`${text}\n`)
  }

  async next<T = RpcAnswer>(): Promise<T> {
    while (this.#lines.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    return JSON.parse(this.#lines.shift() ?? '') as T
  }

  async ask(text: string): Promise<RpcAnswer> {
    this.write(text)
    return this.next()
  }

  async end(): Promise<void> {
    this.stdin.end()
    await this.over
    expect(this.failures).toEqual([])
  }
}

const HANDSHAKE = rpc(
  'initialize',
  { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
  0,
)
const STAMP = { 'io.modelcontextprotocol/subscriptionId': 's' }

describe('stdio', () => {
  it('serves both eras on one pipe, each message by its own', async () => {
    const line = new Line()
    expect(await line.ask(modernBody('server/discover'))).toMatchObject({ result: { supportedVersions: ['2026-07-28'] } })
    expect(await line.ask(HANDSHAKE)).toMatchObject({
      id: 0,
      result: { protocolVersion: '2025-11-25', serverInfo: { name: 'mesh' } },
    })
    line.write('{"jsonrpc":"2.0","method":"notifications/initialized"}')
    expect((await line.ask(rpc('tools/call', { name: 'echo' }))).result).not.toHaveProperty('resultType')
    expect(await line.ask(modernBody('tools/call', { name: 'echo' }))).toMatchObject({ result: { resultType: 'complete' } })
    await line.end()
  })

  it('tells one who neither shook hands nor sent an envelope what to do', async () => {
    const line = new Line()
    expect(await line.ask(rpc('tools/list'))).toMatchObject({
      id: 1,
      error: { code: -32600, message: expect.stringContaining('initialize') as string },
    })
    expect(await line.ask(rpc('ping'))).toMatchObject({ result: {} })
    await line.end()
  })

  it.each([
    ['rubbish', 'hello', -32700, null],
    ['no JSON-RPC', '{"id":3}', -32600, 3],
    ['a broken envelope', modernBody('tools/list', {}, 4, { 'io.modelcontextprotocol/clientCapabilities': 1 }), -32602, 4],
    [
      'an unknown revision',
      modernBody('tools/list', {}, 5, { 'io.modelcontextprotocol/protocolVersion': '2030-01-01' }),
      -32022,
      5,
    ],
    ['an unknown method', modernBody('nonsense', {}, 6), -32601, 6],
    ['a batch', '[]', -32600, null],
    ['a line over 16 MiB', `{"a":"${'x'.repeat(16 * 1024 * 1024)}"}`, -32600, null],
  ])('answers %s with an error and goes on', async (_what, text, code, id) => {
    const line = new Line()
    expect(await line.ask(text)).toMatchObject({ id, error: { code } })
    expect(await line.ask(rpc('ping'))).toMatchObject({ result: {} })
    await line.end()
  })

  it('cancels by id in both eras, and then says nothing more of it', async () => {
    const line = new Line()
    const signals: AbortSignal[] = []
    let started = Promise.withResolvers<void>()
    line.router.tool(toolNamed('endless'), ({ signal }) => {
      signals.push(signal)
      started.resolve()
      return new Promise<McpReply>((_done, reject) => {
        signal.addEventListener('abort', () => reject(new OutcomeUnknownError('cancelled')), { once: true })
      })
    })
    await line.ask(HANDSHAKE)
    for (const body of [rpc('tools/call', { name: 'endless' }, 'x'), modernBody('tools/call', { name: 'endless' }, 'x')]) {
      started = Promise.withResolvers<void>()
      line.write(body)
      await started.promise
      line.write('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"x"}}')
      expect(await line.ask(rpc('ping', {}, 'after'))).toMatchObject({ id: 'after' })
      expect(signals.pop()?.aborted).toBe(true)
    }
    await line.end()
  })

  it('tells a modern client of changes it subscribed to until it cancels, a legacy client of all', async () => {
    const line = new Line()
    const acknowledged = await line.ask(modernBody('subscriptions/listen', { notifications: { toolsListChanged: true } }, 's'))
    expect(acknowledged).toMatchObject({ method: 'notifications/subscriptions/acknowledged', params: { _meta: STAMP } })
    line.router.tool(toolNamed('new'), () => textReply(''))
    expect(await line.next()).toEqual({ jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: { _meta: STAMP } })
    line.write('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"s"}}')
    await line.ask(HANDSHAKE)
    line.router.prompt({ name: 'p' }, () => textReply(''))
    expect(await line.next()).toEqual({ jsonrpc: '2.0', method: 'notifications/prompts/list_changed' })
    await line.end()
    expect(line.router.listenerCount).toBe(0)
  })

  it('answers batches in the one revision that has them', async () => {
    const line = new Line()
    await line.ask(rpc('initialize', { protocolVersion: '2025-03-26' }, 0))
    line.write(`[${rpc('ping', {}, 1)},5,{"jsonrpc":"2.0","method":"notifications/initialized"},${rpc('ping', {}, 2)}]`)
    const answers = await line.next<RpcAnswer[]>()
    expect(answers.map(({ id, error }) => id ?? error.code)).toEqual([1, -32600, 2])
    await line.end()
  })

  it('answers what is in flight when its input ends, the last line without an end included', async () => {
    const line = new Line()
    line.write(HANDSHAKE)
    line.stdin.write(rpc('tools/call', { name: 'echo' }, 'last'))
    await line.end()
    expect(await line.next()).toMatchObject({ id: 0 })
    expect(await line.next()).toMatchObject({ id: 'last', result: { content: [{ type: 'text' }] } })
  })

  it('ends, and cancels what runs, when the client can no longer be written to', async () => {
    const line = new Line()
    const { promise: started, resolve: start } = Promise.withResolvers<AbortSignal>()
    line.router.tool(toolNamed('endless'), ({ signal }) => {
      start(signal)
      return new Promise<McpReply>(() => {})
    })
    line.write(modernBody('tools/call', { name: 'endless' }))
    const signal = await started
    line.stdout.destroy(new Error('EPIPE'))
    await line.over
    expect(signal.aborted).toBe(true)
  })

  it('stops reading while the client does not', async () => {
    const router = new ScriptedRouter().tool(toolNamed('big'), () => textReply('x'.repeat(100_000)))
    const stdin = new PassThrough()
    const stdout = new PassThrough()
    const over = runStdio({ stdin, stdout, backend: router })({ clock: systemClock, logger: failuresTo([]) })
    const write = (id: number): unknown => stdin.write(`${modernBody('tools/call', { name: 'big' }, id)}\n`)
    let written = 0
    while (!stdin.isPaused()) {
      write(written++)
      await setImmediate()
    }
    const served = router.requests.length
    for (let i = 0; i < 50; i++) write(written++)
    await setImmediate()
    expect(router.requests).toHaveLength(served)
    stdout.resume()
    await expect.poll(() => router.requests.length).toBe(written)
    stdin.end()
    await over
  })
})
