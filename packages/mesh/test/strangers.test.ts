import { connect } from 'node:net'
import type { Stream, StreamMuxer } from '@libp2p/interface'
import { expect, onTestFinished, test } from 'vitest'
import { HELLO_PROTOCOL, JOIN_PROTOCOL, PLANE_PROTOCOLS, STRANGER_STREAMS_MAX } from '../src/constants.ts'
import { encodeLinkMessage } from '../src/link-message.ts'
import { MessagePipe } from '../src/message-pipe.ts'
import { HELD_MS, heldTime } from './support/held-time.ts'
import { bytes, next, pair, startMesh, text } from './support/nodes.ts'
import { type Connection, multiaddr, rawNode } from './support/raw.ts'

/** What a stream that was opened without a hello brought. */
async function bringsNothing(connection: Connection, protocol: string): Promise<void> {
  let heard = 0
  const outcome = connection.newStream(protocol).then(async (stream: Stream) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    stream.addEventListener('message', ({ data }) => (heard += data.byteLength))
    stream.addEventListener('close', () => resolve())
    if (stream.status !== 'open') resolve()
    await promise
    return stream.status
  })
  // either the stream never opens or it is reset before a byte came; the connection itself waits for a hello
  expect(await outcome.catch(() => 'reset'), protocol).toBe('reset')
  expect(heard, protocol).toBe(0)
  expect(connection.status, protocol).toBe('open')
}

async function stranger(addresses: readonly string[]): Promise<Connection> {
  const node = await rawNode()
  onTestFinished(() => node.stop())
  return node.dial(addresses.map((address) => multiaddr(address)))
}

function ended(connection: Connection): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  connection.addEventListener('close', () => resolve())
  if (connection.status !== 'open') resolve()
  return promise
}

test('a peer without a hello gets nothing from any protocol', async () => {
  const mesh = await startMesh()
  mesh.rpc.handle('echo', async ({ payload }) => payload)
  const closed = [...Object.values(PLANE_PROTOCOLS), '/ipfs/id/1.0.0', '/ipfs/id/push/1.0.0', '/ipfs/ping/1.0.0', JOIN_PROTOCOL]
  const gossip = ['/meshsub/1.0.0', '/meshsub/1.1.0', '/meshsub/1.2.0', '/floodsub/1.0.0']
  for (const protocol of [...closed, ...gossip]) await bringsNothing(await stranger(mesh.listenAddresses()), protocol)
  expect(mesh.peers()).toEqual([])
})

/** A line of multistream: a length, the text, a newline. */
const line = (said: string): Buffer => Buffer.concat([Buffer.from([said.length + 1]), Buffer.from(`${said}\n`)])

test('nobody is told which protocols there are', async () => {
  const mesh = await startMesh()
  const connection = await stranger(mesh.listenAddresses())
  // below libp2p's own negotiation, which never asks for the list
  const { muxer } = connection as unknown as { muxer: StreamMuxer }
  const stream = await muxer.createStream()
  const heard: Buffer[] = []
  stream.addEventListener('message', ({ data }) => heard.push(Buffer.from(data.subarray())))
  stream.send(Buffer.concat([line('/multistream/1.0.0'), line('ls'), line('/nothing/1')]))
  await expect.poll(() => Buffer.concat(heard).toString()).toContain('na\n')
  const empty = Buffer.from([1, 10])
  expect(Buffer.concat(heard)).toEqual(Buffer.concat([line('/multistream/1.0.0'), empty, line('na')]))
})

test('a stranger that goes on knocking at closed protocols is shown out', async () => {
  const mesh = await startMesh()
  const connection = await stranger(mesh.listenAddresses())
  const gone = ended(connection)
  for (let at = 0; at < STRANGER_STREAMS_MAX; at++) await connection.newStream(PLANE_PROTOCOLS.rpc).catch(() => {})
  await gone
})

test('a member gets every one of these protocols: the gate opens', async () => {
  const [a, b] = await pair()
  expect(a.peers().map(({ peer }) => peer)).toEqual([b.peerId])
  expect(b.peers()).toMatchObject([{ peer: a.peerId, info: { name: 'a' }, direction: 'inbound', wire: 1, featureLevel: 1 }])
})

test('each stream of a member is handed to its handler once, however many came before', async () => {
  // libp2p appends handlers to the middleware list it is given: the third stream would be handled three times
  const [a, b] = await pair()
  let handled = 0
  b.rpc.handle('count', async () => bytes(String(++handled)))
  for (const size of [1, 100_000, 2, 200_000, 3]) await a.rpc.call(b.peerId, 'count', new Uint8Array(size), { deadlineMs: 5_000 })
  expect(handled).toBe(5)
})

test('a connection without a hello is closed when its time is over', async () => {
  const { clock, passes } = heldTime()
  const mesh = await startMesh({ limits: { helloTimeoutMs: HELD_MS }, components: { clock } })
  const connection = await stranger(mesh.listenAddresses())
  await passes(1)
  await ended(connection)
})

test('a hello that stops halfway is closed when its time is over', async () => {
  const { clock, passes } = heldTime()
  const mesh = await startMesh({ limits: { helloTimeoutMs: HELD_MS }, components: { clock } })
  const connection = await stranger(mesh.listenAddresses())
  const stream = await connection.newStream(HELLO_PROTOCOL)
  stream.send(Uint8Array.of(0, 0, 0, 200, 1, 2, 3))
  await passes(2)
  await ended(connection)
})

test.for([
  ['garbage', bytes('no msgpack at all')],
  ['an acceptance before a hello', encodeLinkMessage({ kind: 'accept' })],
  ['a ping before a hello', encodeLinkMessage({ kind: 'ping', n: 1 })],
] as const)('%s in place of a hello ends the connection', async ([, message]) => {
  const mesh = await startMesh()
  const connection = await stranger(mesh.listenAddresses())
  const pipe = new MessagePipe(await connection.newStream(HELLO_PROTOCOL), 1_024)
  pipe.send(message)
  await ended(connection)
  expect(mesh.peers()).toEqual([])
})

test('a hello of more than its cap ends the connection before it has come', async () => {
  const mesh = await startMesh()
  const connection = await stranger(mesh.listenAddresses())
  const stream = await connection.newStream(HELLO_PROTOCOL)
  stream.send(Uint8Array.of(0, 16, 0, 0))
  await ended(connection)
})

test('strangers are bounded: one more closes the oldest, and a member still gets in', async () => {
  const mesh = await startMesh({ limits: { strangersMax: 5 } })
  const connections: Connection[] = []
  for (let i = 0; i < 5; i++) connections.push(await stranger(mesh.listenAddresses()))
  const [oldest] = connections.map(ended)
  const member = await startMesh({ name: 'member' })
  const up = next(mesh, 'peer:up')
  await member.dial(mesh.listenAddresses())
  await Promise.all([up, oldest])
  expect(mesh.peers()).toMatchObject([{ info: { name: 'member' } }])
})

test('10,000 connections opened and left neither bring the node down nor stay', { timeout: 60_000 }, async () => {
  const [a, b] = await pair({ limits: { helloTimeoutMs: 1_000 } })
  b.rpc.handle('echo', async ({ payload }) => payload)
  const [, port] = /\/tcp\/(\d+)/.exec(a.listenAddresses()[0] ?? '') ?? []
  let closed = 0
  const allClosed = Promise.withResolvers<void>()
  const open = async (): Promise<void> => {
    const socket = connect(Number(port), '127.0.0.1')
    const { promise, resolve } = Promise.withResolvers<void>()
    socket.on('connect', resolve)
    socket.on('error', resolve)
    socket.on('close', () => {
      closed += 1
      if (closed === 10_000) allClosed.resolve()
    })
    await promise
  }
  for (let i = 0; i < 100; i++) await Promise.all(Array.from({ length: 100 }, open))
  // the node is up for its members while the flood stands
  expect(text(await a.rpc.call(b.peerId, 'echo', bytes('fine'), { deadlineMs: 5_000 }))).toBe('fine')
  await allClosed.promise
  const late = await startMesh({ name: 'late' })
  await expect(late.dial(a.listenAddresses(), { timeoutMs: 10_000 })).resolves.toMatchObject({ info: { name: 'a' } })
})

test('a refused stranger is told a code and nothing else', async () => {
  const mesh = await startMesh()
  const refused = next(mesh, 'peer:refused')
  const connection = await stranger(mesh.listenAddresses())
  const pipe = new MessagePipe(await connection.newStream(HELLO_PROTOCOL), 1_024)
  const hello = { kind: 'hello', wireMin: 1, wireMax: 1, featureLevel: 1, incarnation: 'x' } as const
  pipe.send(encodeLinkMessage({ ...hello, payload: bytes('guess:me') }))
  expect(text(await pipe.receive())).not.toContain('wrong password')
  expect(await refused).toMatchObject({ side: 'here', code: 'VSMCP_MESH_HELLO_REFUSED', reason: 'wrong password "guess"' })
  await ended(connection)
})
