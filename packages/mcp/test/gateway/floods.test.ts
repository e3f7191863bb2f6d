import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Gateway, GatewayInit, McpReply } from '@vsmcp/mcp'
import {
  http,
  legacySession,
  modern,
  modernBody,
  modernHeaders,
  openSocket,
  rpc,
  startGateway,
} from './support/gateway-fixture.ts'
import { ScriptedRouter, textReply, toolNamed } from './support/scripted-router.ts'

/** Both ends are in this process: together below the lowest usual limit of open files, 4,096. */
const FLOOD = 1_000

let router: ScriptedRouter
let gateway: Gateway
let url: string
const failures: string[] = []
const sockets: Socket[] = []

async function open(init: GatewayInit = {}): Promise<void> {
  gateway = await startGateway(router, init, failures)
  url = gateway.url()
}

beforeEach(() => {
  failures.length = 0
  router = new ScriptedRouter().tool(toolNamed('echo'), () => textReply('hi'))
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await gateway.stop()
  expect(failures).toEqual([])
})

async function openMany(count: number, firstBytes = ''): Promise<void> {
  for (let done = 0; done < count; done += 100) {
    const some = await Promise.all(Array.from({ length: Math.min(100, count - done) }, () => openSocket(url)))
    for (const socket of some) if (firstBytes !== '') socket.write(firstBytes)
    sockets.push(...some)
  }
}

describe('connections opened and left', () => {
  it.each([
    ['silent', ''],
    ['that began a header', 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-'],
    [
      'that began a body',
      'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
    ],
  ])('do not keep others out and are bounded: %s', async (_what, firstBytes) => {
    await open({ connectionsMax: 300 })
    await openMany(FLOOD, firstBytes)
    expect((await modern(url, 'tools/call', { name: 'echo' })).status).toBe(200)
    expect(gateway.stats().connections).toBeLessThanOrEqual(300)
  })

  it('do not keep others out when they are ten thousand, from another process', { timeout: 60_000 }, async () => {
    await open()
    const script = new URL('./support/open-connections.ts', import.meta.url).pathname
    const opener = spawn(process.execPath, [script, new URL(url).port, '10000'], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const [opened] = (await once(opener.stdout, 'data')) as [Buffer]
      expect(Number(opened)).toBe(10_000)
      expect((await modern(url, 'tools/call', { name: 'echo' })).status).toBe(200)
      expect(gateway.stats().connections).toBeLessThanOrEqual(2_048)
    } finally {
      opener.kill('SIGKILL')
      await once(opener, 'exit')
    }
  })

  it('do not close the connection of a call that is being answered', async () => {
    await open({ connectionsMax: 50 })
    const { promise: started, resolve: start } = Promise.withResolvers<void>()
    const { promise: answer, resolve: finish } = Promise.withResolvers<McpReply>()
    router.tool(toolNamed('slow'), () => {
      start()
      return answer
    })
    const pending = modern(url, 'tools/call', { name: 'slow' })
    await started
    await openMany(200)
    finish(textReply('survived'))
    expect((await pending).text).toContain('survived')
  })

  it('are closed when no request comes in time', { timeout: 40_000 }, async () => {
    await open()
    await openMany(3)
    await openMany(3, 'POST /mcp HTTP/1.1\r\nHost: localhost\r\n')
    for (const socket of sockets) if (!socket.destroyed) await once(socket.resume(), 'close')
    expect(gateway.stats().connections).toBe(0)
  })
})

describe('oversized and broken input', () => {
  const call = (body: string | Buffer): ReturnType<typeof http> =>
    http(url, { headers: modernHeaders('tools/call', 'echo'), body })

  it('refuses a body over 16 MiB whether announced or not, takes one just under it, and stays up', async () => {
    await open()
    const large = 'x'.repeat(16 * 1024 * 1024)
    const announced = await call(`${large}x`)
    expect([announced.status, announced.json().error.code]).toEqual([413, -32000])
    const chunked = await http(url, {
      headers: { ...modernHeaders('tools/call', 'echo'), 'transfer-encoding': 'chunked' },
      body: `${large}x`,
    })
    expect([chunked.status, chunked.json().error.code]).toEqual([413, -32000])
    const fits = modernBody('tools/call', { name: 'echo', arguments: { blob: 'x'.repeat(16 * 1024 * 1024 - 400) } })
    expect((await call(fits)).status).toBe(200)
    expect(router.requests.at(-1)?.paramsJson.length).toBeGreaterThan(16 * 1024 * 1024 - 400)
  })

  it.each([
    ['no JSON', '{"jsonrpc":', -32700],
    ['nothing', '', -32700],
    ['binary rubbish', Buffer.from([0, 255, 254, 1]), -32700],
    ['no JSON-RPC', '{"hello":1}', -32600],
    ['an empty batch', '[]', -32600],
    ['a depth bomb', '['.repeat(1_000_000), -32600],
    [
      'a depth bomb in the arguments',
      modernBody('tools/call').replace('"params":{', `"params":{"a":${'['.repeat(5_000)}${']'.repeat(5_000)},`),
      -32600,
    ],
    ['a polluted prototype', '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"__proto__":{"name":"echo"}}}', -32000],
  ])('answers %s with a JSON-RPC error', async (_what, body, code) => {
    await open()
    const answer = await http(url, { body })
    expect(answer.status).toBe(400)
    expect(answer.json().error.code).toBe(code)
    expect((await modern(url, 'tools/call', { name: 'echo' })).status).toBe(200)
  })

  it.each([
    ['no HTTP', 'EHLO mesh\r\n\r\n', '400'],
    ['headers without end', `POST /mcp HTTP/1.1\r\nHost: localhost\r\nX: ${'y'.repeat(40_000)}`, '431'],
    ['a length that is none', 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: abc\r\n\r\n', '400'],
    [
      'two framings at once',
      'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      '400',
    ],
  ])('answers %s on the HTTP level and closes', async (_what, bytes, status) => {
    await open()
    const socket = await openSocket(url)
    sockets.push(socket)
    let text = ''
    socket.on('data', (chunk) => (text += String(chunk)))
    socket.write(bytes)
    await once(socket, 'close')
    expect(text).toContain(`HTTP/1.1 ${status}`)
    expect((await modern(url, 'tools/call', { name: 'echo' })).status).toBe(200)
  })

  it('survives a body that is cut off', async () => {
    await open()
    for (let i = 0; i < 20; i++) {
      const socket = await openSocket(url)
      socket.write(
        'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"jsonrpc"',
      )
      socket.destroy()
    }
    expect((await modern(url, 'tools/call', { name: 'echo' })).status).toBe(200)
    await expect.poll(() => gateway.stats().connections).toBe(0)
  })
})

describe('too much at once', () => {
  it('refuses further calls as not executed while as many as allowed are in flight', async () => {
    await open()
    const { promise: answer, resolve: finish } = Promise.withResolvers<McpReply>()
    let count = 0
    const { promise: full, resolve: fill } = Promise.withResolvers<void>()
    router.tool(toolNamed('slow'), () => {
      if (++count === 256) fill()
      return answer
    })
    const headers = await legacySession(url)
    const pending = Array.from({ length: 256 }, (_, id) => http(url, { headers, body: rpc('tools/call', { name: 'slow' }, id) }))
    await full
    const refused = await http(url, { headers, body: rpc('tools/call', { name: 'slow' }, 'one more') })
    expect(refused.json().error).toMatchObject({ code: -32603, data: { code: 'VSMCP_BUSY' } })
    finish(textReply('done'))
    expect((await Promise.all(pending)).every(({ status }) => status === 200)).toBe(true)
    expect(count).toBe(256)
  })

  it('ends the longest unused session when there are too many', async () => {
    await open({ sessionsMax: 3 })
    const sessions: Record<string, string>[] = []
    for (let i = 0; i < 3; i++) sessions.push(await legacySession(url))
    const ping = (headers: Record<string, string>): Promise<number> =>
      http(url, { headers, body: rpc('ping') }).then(({ status }) => status)
    const [first = {}, second = {}, third = {}] = sessions
    expect(await ping(first)).toBe(200)
    await legacySession(url)
    expect(gateway.stats().sessions).toBe(3)
    expect([await ping(first), await ping(second), await ping(third)]).toEqual([200, 404, 200])
  })
})
