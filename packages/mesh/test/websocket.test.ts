import { once } from 'node:events'
import { get } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { ComponentLogger } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { HANDSHAKES_MAX, PLANE_PROTOCOLS, WEBSOCKET_MESSAGE_LENGTH_MAX } from '../src/constants.ts'
import { sourceOf } from '../src/inbound-rate.ts'
import type { Mesh } from '../src/index.ts'
import { WebSocketTransport } from '../src/websocket/transport.ts'
import { HELD_MS, heldTime } from './support/held-time.ts'
import { bytes, type Info, next, pair, startMesh, text } from './support/nodes.ts'
import { type Connection, multiaddr } from './support/raw.ts'

const WS = { listen: ['/ip4/127.0.0.1/tcp/0/ws'] }
const DEADLINE = { deadlineMs: 20_000 }

const portOf = (mesh: Mesh<Info>): number => Number(/\/tcp\/(\d+)\/ws/.exec(mesh.listenAddresses()[0] ?? '')?.[1])

/** A bare socket to the node's WebSocket port that says nothing by itself. */
async function rawSocket(mesh: Mesh<Info>): Promise<Socket> {
  const socket = connect(portOf(mesh), '127.0.0.1')
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** libp2p over a WebSocket and none of a mesh's manners: no hello, no gate, no services. */
async function stranger(mesh: Mesh<Info>): Promise<Connection> {
  const node = await createLibp2p({
    addresses: { listen: [] },
    transports: [({ logger }: { logger: ComponentLogger }) => new WebSocketTransport(logger, () => undefined)],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  })
  onTestFinished(() => node.stop())
  return node.dial(multiaddr(mesh.listenAddresses()[0] ?? ''))
}

async function rawWebSocket(mesh: Mesh<Info>): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${portOf(mesh)}/`)
  socket.on('error', () => {})
  onTestFinished(() => socket.terminate())
  await once(socket, 'open')
  return socket
}

test('two nodes that have nothing but WebSockets call each other, hear each other’s gossip and part in good order', async () => {
  const [a, b] = [await startMesh({ ...WS, name: 'a' }), await startMesh({ ...WS, name: 'b' })]
  b.rpc.handle('echo', async ({ payload }) => payload)
  const { promise, resolve } = Promise.withResolvers<string>()
  b.gossip.subscribe('vsmcp/x', (_from, payload) => resolve(text(payload)))
  const up = next(b, 'peer:up')
  await a.dial(b.listenAddresses(), { expect: b.peerId })
  await up
  expect(a.peers()).toMatchObject([{ peer: b.peerId, address: expect.stringMatching(/\/tcp\/\d+\/ws\/p2p\//) }])
  const large = new Uint8Array(10 * 1024 * 1024).fill(7)
  expect(Buffer.from(await a.rpc.call(b.peerId, 'echo', large, DEADLINE)).equals(large)).toBe(true)
  await a.gossip.publish('vsmcp/x', bytes('heard'))
  expect(await promise).toBe('heard')
  const down = next(b, 'peer:down')
  await a.stop()
  expect(await down).toEqual({ peer: a.peerId, reason: 'closed' })
})

test('a node listens on TCP and on WebSockets side by side, and is one peer by either', async () => {
  const both = await startMesh({ listen: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'] })
  const [tcp = '', ws = ''] = both.listenAddresses()
  const [plain, web] = [await startMesh({ name: 'plain' }), await startMesh({ name: 'web' })]
  for (const [node, address] of [
    [plain, tcp],
    [web, ws],
  ] as const) {
    const up = next(both, 'peer:up')
    await node.dial([address])
    await up
  }
  expect(both.peers().map(({ info }) => info.name)).toEqual(['plain', 'web'])
})

test('what is sent waits for a reader that stands still, and nothing is lost', async () => {
  const [a, b] = await pair(WS, WS)
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  b.rpc.handle('slow', async ({ payload }) => {
    await held
    return payload.subarray(0, 1)
  })
  const calls = Array.from({ length: 8 }, (_, n) => a.rpc.call(b.peerId, 'slow', new Uint8Array(4_000_000).fill(n), DEADLINE))
  release()
  expect((await Promise.all(calls)).map(([first]) => first)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
})

test('a stranger at the WebSocket gets nothing from any protocol', async () => {
  const mesh = await startMesh(WS)
  mesh.rpc.handle('echo', async ({ payload }) => payload)
  for (const protocol of [...Object.values(PLANE_PROTOCOLS), '/ipfs/id/1.0.0', '/meshsub/1.2.0', '/vsmcp/join/1']) {
    const connection = await stranger(mesh)
    let heard = 0
    const over = Promise.withResolvers<void>()
    const opened = connection.newStream(protocol).then(async (stream) => {
      stream.addEventListener('message', ({ data }) => (heard += data.byteLength))
      stream.addEventListener('close', () => over.resolve())
      if (stream.status === 'open') await over.promise
    })
    await opened.catch(() => {})
    expect(heard, protocol).toBe(0)
  }
  expect(mesh.peers()).toEqual([])
})

test('a stranger at the WebSocket without a hello is cut off when its time is over, also one that does not answer a close', async () => {
  const { clock, passes } = heldTime()
  const mesh = await startMesh({ ...WS, limits: { helloTimeoutMs: HELD_MS }, components: { clock } })
  const socket = await rawWebSocket(mesh)
  // the raw socket beneath hears nothing of a close frame: only a cut ends it
  socket.pause()
  const connection = await stranger(mesh)
  const closed = Promise.withResolvers<void>()
  connection.addEventListener('close', () => closed.resolve())
  await passes(1)
  await closed.promise
  socket.resume()
  if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close')
})

test('sockets that ask for nothing are bounded in number: one more closes the oldest, and a member still gets in', async () => {
  const mesh = await startMesh({ ...WS, limits: { inboundPerSecondPerIp: 10_000 } })
  const oldest = await rawSocket(mesh)
  const gone = once(oldest, 'close')
  for (let n = 0; n < HANDSHAKES_MAX; n++) await rawSocket(mesh)
  await gone
  const member = await startMesh({ name: 'member' })
  await expect(member.dial(mesh.listenAddresses())).resolves.toMatchObject({ info: { name: 'node' } })
})

test('a source that opens too many sockets in a second is turned away before it can ask for anything', async () => {
  const mesh = await startMesh({ ...WS, limits: { inboundPerSecondPerIp: 3 } })
  const sockets: Socket[] = []
  for (let n = 0; n < 3; n++) sockets.push(await rawSocket(mesh))
  const one = await rawSocket(mesh)
  if (!one.destroyed) await once(one, 'close')
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false, false])
})

test('a message over the cap ends the connection, as does a text', async () => {
  const mesh = await startMesh(WS)
  const giant = await rawWebSocket(mesh)
  giant.send(new Uint8Array(WEBSOCKET_MESSAGE_LENGTH_MAX + 1))
  expect((await once(giant, 'close'))[0]).toBe(1009)
  const chatty = await rawWebSocket(mesh)
  chatty.send('hello')
  await once(chatty, 'close')
})

test('a page in a browser gets no WebSocket, and a request for a page none', async () => {
  const mesh = await startMesh(WS)
  const fromPage = new WebSocket(`ws://127.0.0.1:${portOf(mesh)}/`, { origin: 'https://example.org' })
  const [error] = (await once(fromPage, 'error')) as [Error]
  expect(error.message).toContain('403')
  const { promise, resolve } = Promise.withResolvers<number | undefined>()
  get(`http://127.0.0.1:${portOf(mesh)}/`, (response) => {
    response.resume()
    resolve(response.statusCode)
  })
  expect(await promise).toBe(426)
})

test('a node does not listen with TLS it has no certificate for, and says what to do', async () => {
  await expect(startMesh({ listen: ['/ip4/127.0.0.1/tcp/0/tls/ws'] })).rejects.toMatchObject({
    code: 'VSMCP_MESH_ADDRESS',
    hint: expect.stringContaining('--advertise'),
  })
})

test('connections are counted by IPv4 address and by the /64 of an IPv6 subscriber', () => {
  expect(
    ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8:0:7::1', '2001:0db8:0000:7:aaaa:bbbb:cccc:dddd', '2001:db8::1', '::1'].map(
      sourceOf,
    ),
  ).toEqual(['192.0.2.7', '192.0.2.7', '2001:db8:0:7::/64', '2001:db8:0:7::/64', '2001:db8:0:0::/64', '0:0:0:0::/64'])
})
