import { once } from 'node:events'
import { createServer } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InvalidArgumentError, silentLogger, systemClock } from '@vsmcp/kernel'
import { createGateway, type Gateway, type GatewayInit, ListenError } from '@vsmcp/mcp'
import { http, modernBody, modernHeaders, openSocket, startGateway } from './support/gateway-fixture.ts'
import { ScriptedRouter, textReply, toolNamed } from './support/scripted-router.ts'

const router = new ScriptedRouter().tool(toolNamed('echo'), () => textReply('hi'))
let gateway: Gateway | undefined

beforeEach(() => {
  gateway = undefined
})

afterEach(async () => {
  await gateway?.stop()
})

async function open(init: GatewayInit = {}): Promise<string> {
  gateway = await startGateway(router, init)
  return gateway.url()
}

async function statusWith(url: string, headers: Record<string, string>): Promise<number> {
  const { status } = await http(url, { headers: { ...modernHeaders('tools/list'), ...headers }, body: modernBody('tools/list') })
  return status
}

describe('host and origin', () => {
  it.each([
    ['evil.example', 403],
    ['evil.example:4951', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['a b', 403],
    ['localhost', 200],
    ['127.0.0.1:1', 200],
    ['[::1]:80', 200],
  ])('on loopback, Host "%s" gives %i', async (host, status) => {
    expect(await statusWith(await open(), { host })).toBe(status)
  })

  it.each([
    ['https://evil.example', 403],
    ['http://localhost.evil.example', 403],
    ['null', 403],
    ['nonsense', 403],
    ['http://localhost:3000', 200],
    ['http://127.0.0.1', 200],
  ])('Origin "%s" gives %i', async (origin, status) => {
    expect(await statusWith(await open(), { origin })).toBe(status)
  })

  it('must be named', async () => {
    const socket = await openSocket(await open())
    socket.write('POST /mcp HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}')
    const [text] = (await once(socket, 'data')) as [Buffer]
    expect(String(text)).toContain('403 Forbidden')
    socket.destroy()
  })

  it('are checked before anything is done, for every method', async () => {
    const url = await open()
    for (const method of ['GET', 'DELETE', 'POST', 'PUT']) {
      const answer = await http(url, { method, headers: { host: 'evil.example' } })
      expect([method, answer.status]).toEqual([method, 403])
    }
  })

  it('may be others when the owner says so', async () => {
    const url = await open({ allowedHosts: ['mesh.lan'], allowedOrigins: ['app.lan'] })
    expect(await statusWith(url, { host: 'mesh.lan:4951', origin: 'https://app.lan' })).toBe(200)
    expect(await statusWith(url, { host: 'mesh.lan', origin: 'https://mesh.lan' })).toBe(403)
  })
})

describe('a token', () => {
  it.each([
    [{}, 401],
    [{ authorization: 'Bearer wrong' }, 401],
    [{ authorization: 'Bearer ' }, 401],
    [{ authorization: 'Basic s3cret' }, 401],
    [{ authorization: 'Bearer s3cret more' }, 401],
    [{ authorization: 'Bearer s3cret' }, 200],
    [{ authorization: 'bearer s3cret' }, 200],
  ])('with %j gives %i', async (headers, status) => {
    expect(await statusWith(await open({ token: 's3cret' }), headers as Record<string, string>)).toBe(status)
  })

  it('is needed off loopback, where any host name may then be used', async () => {
    const components = { router, clock: systemClock, logger: silentLogger }
    expect(() => createGateway({ host: '0.0.0.0' })(components)).toThrow(InvalidArgumentError)
    const url = await open({ host: '0.0.0.0', token: 's3cret' })
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/)
    expect(await statusWith(url, { host: 'anything.example', authorization: 'Bearer s3cret' })).toBe(200)
    expect(await statusWith(url, { host: 'anything.example' })).toBe(401)
  })
})

describe('the endpoint', () => {
  it('listens on 127.0.0.1 and [::1] for localhost', async () => {
    const url = await open({ host: 'localhost' })
    const { port } = new URL(url)
    expect(url).toBe(`http://127.0.0.1:${port}/mcp`)
    expect(await statusWith(url, {})).toBe(200)
    expect(await statusWith(`http://[::1]:${port}/mcp`, {})).toBe(200)
  })

  it('says where it cannot listen and what to do', async () => {
    const url = await open()
    const second = createGateway({ host: '127.0.0.1', port: Number(new URL(url).port) })({
      router,
      clock: systemClock,
      logger: silentLogger,
    })
    await expect(second.start()).rejects.toThrow(ListenError)
    await expect(second.start()).rejects.toMatchObject({
      message: expect.stringContaining('EADDRINUSE') as string,
      hint: expect.any(String) as string,
    })
    expect(() => second.url()).toThrow(/not open/)
  })

  it('is the only thing there, and takes GET, POST and DELETE', async () => {
    const url = await open()
    expect((await http(url.replace('/mcp', '/'))).status).toBe(404)
    expect((await http(url.replace('/mcp', '/mcpx'))).status).toBe(404)
    for (const method of ['PUT', 'PATCH', 'OPTIONS']) {
      const answer = await http(url, { method })
      expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, POST, DELETE'])
    }
  })

  it('takes JSON only, and answers those only who take what it can give', async () => {
    const url = await open()
    const headers = modernHeaders('tools/list')
    const body = modernBody('tools/list')
    expect((await http(url, { headers: { ...headers, 'content-type': 'text/plain' }, body })).status).toBe(415)
    expect((await http(url, { headers: { ...headers, accept: 'text/html' }, body })).status).toBe(406)
    expect(
      (await http(url, { headers: { ...headers, 'content-type': 'application/json; charset=utf-8', accept: '*/*' }, body }))
        .status,
    ).toBe(200)
    const streamed = await http(url, { headers: { ...headers, accept: 'text/event-stream' }, body })
    expect([streamed.status, streamed.headers['content-type']]).toEqual([200, 'text/event-stream'])
  })

  it('asks nothing of who comes by the control socket', async () => {
    await open({ token: 's3cret' })
    const dir = await mkdtemp(join(tmpdir(), 'vsmcp-'))
    const socketPath = join(dir, 's')
    const server = createServer((incoming, response) => gateway?.handle(incoming, response))
    server.listen(socketPath)
    await once(server, 'listening')
    const dispatcher = new Agent({ connect: { socketPath } })
    const headers = { 'content-type': 'application/json', host: 'whatever', ...modernHeaders('tools/list') }
    const { statusCode, body } = await request('http://localhost/mcp', {
      method: 'POST',
      dispatcher,
      headers,
      body: modernBody('tools/list'),
    })
    expect([statusCode, await body.json()]).toMatchObject([200, { result: { tools: [{ name: 'echo' }] } }])
    await dispatcher.destroy()
    server.close()
    await rm(dir, { recursive: true })
  })
})
