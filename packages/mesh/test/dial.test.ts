import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { StoppedError } from '@vsmcp/kernel'
import { describe, expect, onTestFinished, test } from 'vitest'
import { DEFAULT_LISTEN, type DialAttempt, DialError, ListenError } from '../src/index.ts'
import { next, pair, startMesh } from './support/nodes.ts'

async function attemptsOf(work: Promise<unknown>): Promise<readonly DialAttempt[]> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(DialError)
  return (error as DialError).attempts
}

/** A TCP port that does what a test wants with its connections. */
async function port(onConnection: Parameters<typeof createServer>[1] = () => {}): Promise<{ address: string; server: Server }> {
  const server = createServer(onConnection).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.close()
  })
  await once(server, 'listening')
  return { address: `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`, server }
}

async function closedPort(): Promise<string> {
  const { address, server } = await port()
  server.close()
  await once(server, 'close')
  return address
}

describe('a dial', () => {
  test('names each address tried, in order, and why it failed', async () => {
    const a = await startMesh()
    const other = await startMesh()
    const silent = await port()
    const rude = await port((socket) => socket.destroy())
    const closed = await closedPort()
    const [elsewhere = ''] = other.listenAddresses()
    const stranger = elsewhere.replace(/\/p2p\/.*/, '')
    const addresses = ['nonsense', '/ip4/127.0.0.1/udp/9', closed, silent.address, rude.address, stranger, elsewhere]
    const expected = (await startMesh()).peerId
    const attempts = await attemptsOf(a.dial(addresses, { expect: expected, timeoutMs: 300 }))
    expect(attempts.map(({ address }) => address)).toEqual(addresses)
    expect(attempts.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('is not a multiaddr'),
      expect.stringContaining('is no address of TCP'),
      'connection refused: nothing listens there',
      'no answer within 300 ms',
      'the connection was closed before its handshake was done',
      'somebody with another identity answers there',
      `${other.peerId} is there, ${expected} was expected`,
    ])
  })

  test('goes on to the next address when one leads nowhere', async () => {
    const [a, b] = [await startMesh(), await startMesh({ name: 'b' })]
    const peer = await a.dial([await closedPort(), ...b.listenAddresses()], { expect: b.peerId })
    expect(peer).toMatchObject({ info: { name: 'b' } })
  })

  test('needs no identity to expect', async () => {
    const [a, b] = [await startMesh(), await startMesh({ name: 'b' })]
    const bare = b.listenAddresses().map((address) => address.replace(/\/p2p\/.*/, ''))
    expect(await a.dial(bare)).toMatchObject({ peer: b.peerId })
  })

  test('to itself is told so', async () => {
    const a = await startMesh()
    expect(await attemptsOf(a.dial(a.listenAddresses()))).toMatchObject([{ reason: 'that is this node itself' }])
    const bare = a.listenAddresses().map((address) => address.replace(/\/p2p\/.*/, ''))
    expect(await attemptsOf(a.dial(bare))).toMatchObject([{ reason: 'that is this node itself' }])
  })

  test('can be cancelled', async () => {
    const a = await startMesh()
    const { address } = await port()
    const controller = new AbortController()
    const attempts = attemptsOf(a.dial([address, address.replace('127.0.0.1', '127.0.0.2')], { signal: controller.signal }))
    controller.abort()
    expect(await attempts).toMatchObject([{ address, reason: 'cancelled' }])
  })

  test('without addresses says so', async () => {
    const a = await startMesh()
    await expect(a.dial([])).rejects.toThrow('no address was given')
  })

  test('by both sides at once leaves both with one working connection and no flapping', async () => {
    for (let round = 0; round < 5; round++) {
      const [a, b] = [await startMesh({ name: 'a' }), await startMesh({ name: 'b' })]
      const events: string[] = []
      for (const [name, mesh] of [
        ['a', a],
        ['b', b],
      ] as const) {
        mesh.rpc.handle('echo', async ({ payload }) => payload)
        mesh.on('peer:up', () => events.push(`${name} up`))
        mesh.on('peer:down', () => events.push(`${name} down`))
      }
      await Promise.all([a.dial(b.listenAddresses()), b.dial(a.listenAddresses())])
      const payload = new Uint8Array(8)
      for (let i = 0; i < 20; i++) {
        await Promise.all([
          a.rpc.call(b.peerId, 'echo', payload, { deadlineMs: 2_000 }),
          b.rpc.call(a.peerId, 'echo', payload, { deadlineMs: 2_000 }),
        ])
      }
      expect(events.toSorted()).toEqual(['a up', 'b up'])
      expect(a.peers()[0]?.direction).not.toBe(b.peers()[0]?.direction)
    }
  })
})

describe('listening', () => {
  test('on a port that is taken fails with the address and the way out', async () => {
    const { address } = await port()
    const error = await startMesh({ listen: [address] }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ListenError)
    expect(error).toMatchObject({
      message: expect.stringContaining(`${address}: listen EADDRINUSE`) as string,
      hint: expect.stringContaining('--listen') as string,
    })
  })

  test('names the advertised addresses first, each with the identity', async () => {
    const a = await startMesh({ advertise: ['/dns4/node.example.org/tcp/4950'] })
    const [first, second] = a.listenAddresses()
    expect(first).toBe(`/dns4/node.example.org/tcp/4950/p2p/${a.peerId}`)
    expect(second).toMatch(new RegExp(`^/ip4/127\\.0\\.0\\.1/tcp/\\d+/p2p/${a.peerId}$`))
  })

  test('by default on the documented port, on both address families', () => {
    expect(DEFAULT_LISTEN).toEqual(['/ip4/0.0.0.0/tcp/4950', '/ip6/::/tcp/4950'])
  })

  test('on every interface of both families, one port', async () => {
    const { address } = await port()
    const free = await closedPort()
    expect(free).not.toBe(address)
    const [, number = ''] = /tcp\/(\d+)/.exec(free) ?? []
    const mesh = await startMesh({ listen: [`/ip4/0.0.0.0/tcp/${number}`, `/ip6/::/tcp/${number}`] })
    expect(mesh.listenAddresses().some((text) => text.startsWith('/ip4/127.0.0.1/'))).toBe(true)
  })
})

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))

test.skipIf(!hasIpv6)('nodes meet over IPv6 (skipped where the machine has no ::1)', async () => {
  const a = await startMesh({ name: 'a', listen: ['/ip6/::1/tcp/0'] })
  const b = await startMesh({ name: 'b', listen: ['/ip6/::1/tcp/0'] })
  const up = next(b, 'peer:up')
  await a.dial(b.listenAddresses())
  expect((await up).address).toMatch(/^\/ip6\/::1\/tcp\//)
})

test('a stopped mesh says so, and stops only once', async () => {
  const [a, b] = await pair()
  const down = next(b, 'peer:down')
  const own = next(a, 'peer:down')
  await Promise.all([a.stop(), a.stop()])
  expect(await down).toEqual({ peer: a.peerId, reason: 'closed' })
  expect(await own).toEqual({ peer: b.peerId, reason: 'stopped' })
  await expect(a.dial(b.listenAddresses())).rejects.toThrow(StoppedError)
  await expect(a.start()).rejects.toThrow(StoppedError)
})
