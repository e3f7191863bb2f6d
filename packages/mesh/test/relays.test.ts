import { expect, onTestFinished, test } from 'vitest'
import type { Mesh } from '../src/index.ts'
import { bytes, type Info, next, startMesh, text } from './support/nodes.ts'
import { multiaddr, rawNode } from './support/raw.ts'

const HOP = '/libp2p/circuit/relay/0.2.0/hop'
const DEADLINE = { deadlineMs: 20_000 }

async function connectTo(relay: Mesh<Info>, node: Mesh<Info>): Promise<void> {
  const up = next(relay, 'peer:up', ({ peer }) => peer === node.peerId)
  await node.dial(relay.listenAddresses(), { expect: relay.peerId })
  await up
}

/** Nobody can reach it; it reaches whom it dials. */
async function hidden(name: string, ...relays: Mesh<Info>[]): Promise<Mesh<Info>> {
  const node = await startMesh({ name, listen: [] })
  node.rpc.handle('echo', async ({ payload }) => payload)
  for (const relay of relays) await connectTo(relay, node)
  return node
}

/** Each has tried to reach the other, as members do for ever: after the first has failed, the second gets through. */
async function meet(a: Mesh<Info>, b: Mesh<Info>): Promise<void> {
  const up = next(a, 'peer:up', ({ peer }) => peer === b.peerId)
  await a.dial([], { expect: b.peerId }).catch(() => {})
  await b.dial([], { expect: a.peerId })
  await up
}

test('two nodes that cannot reach each other speak through a third, far beyond 128 KiB, and gossip', async () => {
  const relay = await startMesh({ name: 'relay' })
  const [a, b] = [await hidden('a', relay), await hidden('b', relay)]
  const { promise, resolve } = Promise.withResolvers<string>()
  b.gossip.subscribe('vsmcp/x', (from, payload) => resolve(`${from} ${text(payload)}`))
  await meet(a, b)
  expect(a.peers().find(({ peer }) => peer === b.peerId)).toMatchObject({
    info: { name: 'b' },
    address: expect.stringContaining('/p2p-circuit'),
  })
  const large = new Uint8Array(10 * 1024 * 1024).fill(5)
  expect(Buffer.from(await a.rpc.call(b.peerId, 'echo', large, DEADLINE)).equals(large)).toBe(true)
  await a.gossip.publish('vsmcp/x', bytes('heard'))
  expect(await promise).toBe(`${a.peerId} heard`)
})

test('addresses through relays are not told to others, since they are worked out', async () => {
  const relay = await startMesh({ name: 'relay' })
  const [a, b] = [await hidden('a', relay), await hidden('b', relay)]
  await meet(a, b)
  expect([...a.listenAddresses(), ...b.listenAddresses()]).toEqual([])
})

test('a relay that dies takes its connections with it; they are dialled anew through another', async () => {
  const relays = [await startMesh({ name: 'r1' }), await startMesh({ name: 'r2' })]
  const [a, b] = [await hidden('a', ...relays), await hidden('b', ...relays)]
  await meet(a, b)
  const address = a.peers().find(({ peer }) => peer === b.peerId)?.address ?? ''
  const used = relays.find(({ peerId }) => address.includes(peerId))
  const down = [next(a, 'peer:down', ({ peer }) => peer === b.peerId), next(b, 'peer:down', ({ peer }) => peer === a.peerId)]
  await used?.stop()
  await Promise.all(down)
  await meet(a, b)
  expect(text(await a.rpc.call(b.peerId, 'echo', bytes('again'), DEADLINE))).toBe('again')
})

test('a relayed peer is reached directly as soon as that can be, and stays up throughout', async () => {
  const relay = await startMesh({ name: 'relay' })
  const a = await hidden('a', relay)
  const b = await startMesh({ name: 'b' })
  b.rpc.handle('echo', async ({ payload }) => payload)
  await connectTo(relay, b)
  let downs = 0
  a.on('peer:down', () => (downs += 1))
  await meet(a, b)
  const address = (): string => a.peers().find(({ peer }) => peer === b.peerId)?.address ?? ''
  expect(address()).toContain('/p2p-circuit')
  await expect.poll(address).toMatch(/\/tcp\/\d+\/p2p\/[^/]+$/)
  expect(text(await a.rpc.call(b.peerId, 'echo', bytes('direct'), DEADLINE))).toBe('direct')
  expect(downs).toBe(0)
})

test('a stranger is relayed nowhere and gets no reservation', async () => {
  const relay = await startMesh({ name: 'relay' })
  const [a, b] = [await hidden('a', relay), await hidden('b', relay)]
  await meet(a, b)
  const stranger = await rawNode()
  onTestFinished(() => stranger.stop())
  const connection = await stranger.dial(relay.listenAddresses().map((address) => multiaddr(address)))
  // RESERVE, then CONNECT to a member that does have a reservation
  const member = Buffer.concat([Buffer.from([0x0a, 0x26]), Buffer.from(multiaddr(`/p2p/${a.peerId}`).bytes.subarray(3))])
  for (const message of [
    Uint8Array.of(2, 8, 0),
    Buffer.concat([Buffer.from([member.length + 4, 8, 1, 0x12, member.length]), member]),
  ]) {
    let heard = 0
    const opened = connection.newStream(HOP).then(async (stream) => {
      const over = Promise.withResolvers<void>()
      stream.addEventListener('message', ({ data }) => (heard += data.byteLength))
      stream.addEventListener('close', () => over.resolve())
      if (stream.status !== 'open') return
      stream.send(message)
      await over.promise
    })
    await opened.catch(() => {})
    expect(heard).toBe(0)
  }
  expect(
    a
      .peers()
      .map(({ info }) => info.name)
      .sort(),
  ).toEqual(['b', 'relay'])
})
