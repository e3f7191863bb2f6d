import { BusyError, InvalidArgumentError } from '@vsmcp/kernel'
import { describe, expect, test } from 'vitest'
import { GOSSIP_LENGTH_MAX, type Mesh } from '../src/index.ts'
import { bytes, type Info, next, startMesh, text } from './support/nodes.ts'
import { rawMember } from './support/raw-member.ts'

/** The next message on a topic, with its author. */
function heard(mesh: Mesh<Info>, topic: string): Promise<{ from: string; payload: Uint8Array }> {
  const { promise, resolve } = Promise.withResolvers<{ from: string; payload: Uint8Array }>()
  mesh.gossip.subscribe(topic, (from, payload) => resolve({ from, payload }))
  return promise
}

describe('gossip', () => {
  test('published at peer:up reaches the peer, in both directions', async () => {
    for (let round = 0; round < 5; round++) {
      const [a, b] = [await startMesh(), await startMesh()]
      const both = [heard(a, 'topic'), heard(b, 'topic')]
      for (const mesh of [a, b]) mesh.on('peer:up', () => void mesh.gossip.publish('topic', bytes(mesh.peerId)))
      await a.dial(b.listenAddresses())
      const [atA, atB] = await Promise.all(both)
      expect([atA?.from, text(atA?.payload ?? bytes(''))]).toEqual([b.peerId, b.peerId])
      expect([atB?.from, text(atB?.payload ?? bytes(''))]).toEqual([a.peerId, a.peerId])
    }
  })

  test('is passed on by members, and the author is who signed it', async () => {
    const [a, b, c] = [await startMesh(), await startMesh(), await startMesh()]
    const atC = heard(c, 'topic')
    const atB = heard(b, 'topic')
    await a.dial(b.listenAddresses())
    const up = next(b, 'peer:up')
    await c.dial(b.listenAddresses())
    await up
    await a.gossip.publish('topic', bytes('over b'))
    await atB
    expect((await atC).from).toBe(a.peerId)
  })

  test('is not handed back to its author', async () => {
    const [a, b] = [await startMesh(), await startMesh()]
    const own: string[] = []
    a.gossip.subscribe('topic', (_from, payload) => own.push(text(payload)))
    const atB = heard(b, 'topic')
    const atA = heard(a, 'back')
    await a.dial(b.listenAddresses())
    await a.gossip.publish('topic', bytes('mine'))
    await atB
    // whatever b passed on came before this
    await b.gossip.publish('back', bytes('reply'))
    await atA
    expect(own).toEqual([])
  })

  test('to nobody is no error', async () => {
    const a = await startMesh()
    await a.gossip.publish('topic', bytes('hello?'))
  })

  test('over the bound, on no topic or on too long a topic is refused', async () => {
    const a = await startMesh()
    await a.gossip.publish('topic', new Uint8Array(GOSSIP_LENGTH_MAX))
    await expect(a.gossip.publish('topic', new Uint8Array(GOSSIP_LENGTH_MAX + 1))).rejects.toThrow(BusyError)
    await expect(a.gossip.publish('', bytes('x'))).rejects.toThrow(InvalidArgumentError)
    expect(() => a.gossip.subscribe('x'.repeat(257), () => {})).toThrow(InvalidArgumentError)
  })

  test('on more topics than are kept is refused, and a topic let go makes room', async () => {
    const a = await startMesh()
    const ends = Array.from({ length: 512 }, (_, i) => a.gossip.subscribe(`topic ${i}`, () => {}))
    expect(() => a.gossip.subscribe('one more', () => {})).toThrow(BusyError)
    ends[0]?.()
    a.gossip.subscribe('one more', () => {})
  })

  test('of an author that is not accepted is not delivered', async () => {
    const judged = Promise.withResolvers<string>()
    const acceptsGossipFrom = (author: string): boolean => {
      judged.resolve(author)
      return false
    }
    const [a, b] = [await startMesh(), await startMesh({ components: { acceptsGossipFrom } })]
    const seen: string[] = []
    b.gossip.subscribe('topic', (_from, payload) => seen.push(text(payload)))
    b.rpc.handle('sync', async ({ payload }) => payload)
    await a.dial(b.listenAddresses())
    await a.gossip.publish('topic', bytes('refused'))
    expect(await judged.promise).toBe(a.peerId)
    await a.rpc.call(b.peerId, 'sync', bytes(''), { deadlineMs: 2_000 })
    expect(seen).toEqual([])
  })

  test('is not sent to a peer that may not hear the topic, whatever it subscribes to, until it may', async () => {
    let maySecrets = false
    const mayHear = (_peer: string, topic: string): boolean => maySecrets || topic !== 'secret'
    const a = await startMesh({ components: { mayHear } })
    const b = await startMesh()
    const seen: string[] = []
    b.gossip.subscribe('secret', (_from, payload) => seen.push(text(payload)))
    const open = heard(b, 'open')
    await a.dial(b.listenAddresses())
    await a.gossip.publish('secret', bytes('not for b'))
    // Messages of one stream come in order: what was published before would have come before.
    await a.gossip.publish('open', bytes('for b'))
    expect(text((await open).payload)).toBe('for b')
    expect(seen).toEqual([])
    maySecrets = true
    a.mayHearMore(b.peerId)
    const told = heard(b, 'secret')
    await a.gossip.publish('secret', bytes('now for b'))
    expect(text((await told).payload)).toBe('now for b')
    expect(seen).toEqual(['now for b'])
  })

  test('a handler that throws harms no other', async () => {
    const [a, b] = [await startMesh(), await startMesh()]
    b.gossip.subscribe('topic', () => {
      throw new Error('handler broke')
    })
    const other = heard(b, 'topic')
    await a.dial(b.listenAddresses())
    await a.gossip.publish('topic', bytes('x'))
    expect(text((await other).payload)).toBe('x')
  })

  test('among more members than gossipsub trusts behind one address still reaches everybody', async () => {
    const hub = await startMesh()
    const others = await Promise.all(Array.from({ length: 16 }, () => startMesh()))
    const fromHub = others.map((mesh) => heard(mesh, 'from hub'))
    const toHub = new Map(others.map((mesh) => [mesh.peerId, heard(hub, `to hub ${mesh.peerId}`)]))
    await Promise.all(others.map((mesh) => mesh.dial(hub.listenAddresses())))
    await hub.gossip.publish('from hub', bytes('x'))
    await Promise.all(fromHub)
    await Promise.all(others.map((mesh) => mesh.gossip.publish(`to hub ${mesh.peerId}`, bytes('x'))))
    await Promise.all(toHub.values())
  })

  test('is mended when its stream is lost while the connection stands', async () => {
    const mesh = await startMesh({ limits: { silenceMs: 400 } })
    const up = next(mesh, 'peer:up')
    const { node, connection, pubsub } = await rawMember(mesh)
    await up
    const lost = connection.streams.filter(({ protocol }) => protocol.startsWith('/meshsub/'))
    expect(lost.length).toBeGreaterThan(0)
    const subscribedAgain = Promise.withResolvers<void>()
    pubsub.addEventListener('subscription-change', () => subscribedAgain.resolve())
    for (const stream of lost) stream.abort(new Error('lost'))
    await subscribedAgain.promise
    expect(mesh.peers()).toMatchObject([{ peer: node.peerId.toString() }])
  })
})
