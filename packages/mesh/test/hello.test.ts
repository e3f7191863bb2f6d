import { seededRandom, silentLogger, systemClock, VsmcpError } from '@vsmcp/kernel'
import { describe, expect, test } from 'vitest'
import { createMesh, DialError, PrivateKeyError } from '../src/index.ts'
import { PLANE_PROTOCOLS } from '../src/constants.ts'
import { NOTICE, OutgoingFrame } from '../src/frame.ts'
import { bytes, type Info, next, pair, passwordHello, recordingLogger, startMesh } from './support/nodes.ts'
import { rawMember } from './support/raw-member.ts'

class ExpiredError extends VsmcpError {
  readonly code = 'VSMCP_SAMPLE_EXPIRED'
}

function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('a hello', () => {
  test('is mutual: both sides learn what the other showed, each peer is up once', async () => {
    const ups: string[] = []
    const a = await startMesh({ name: 'a' })
    const b = await startMesh({ name: 'b', featureLevel: 3 })
    for (const mesh of [a, b]) mesh.on('peer:up', ({ info }) => ups.push(info.name))
    const up = next(b, 'peer:up')
    const peer = await a.dial(b.listenAddresses(), { expect: b.peerId })
    expect(peer).toMatchObject({ peer: b.peerId, info: { name: 'b' }, direction: 'outbound', wire: 1, featureLevel: 3 })
    expect(await up).toMatchObject({ peer: a.peerId, info: { name: 'a' }, direction: 'inbound', featureLevel: 1 })
    expect(await a.dial(b.listenAddresses(), { expect: b.peerId })).toMatchObject({ peer: b.peerId })
    expect(ups.toSorted()).toEqual(['a', 'b'])
  })

  test('refused there is reported on both sides; only a code crosses the wire', async () => {
    const a = await startMesh({ components: { hello: passwordHello('a', 'wrong') } })
    const b = await startMesh()
    const refusedThere = next(a, 'peer:refused')
    const refusedHere = next(b, 'peer:refused')
    const error = await failure(a.dial(b.listenAddresses(), { expect: b.peerId }))
    expect(error).toBeInstanceOf(DialError)
    expect(error).toMatchObject({ attempts: [{ code: 'VSMCP_MESH_HELLO_REFUSED' }] })
    expect(String(error)).not.toContain('password')
    expect(await refusedThere).toMatchObject({
      peer: b.peerId,
      side: 'there',
      direction: 'outbound',
      code: 'VSMCP_MESH_HELLO_REFUSED',
    })
    expect(await refusedHere).toMatchObject({
      peer: a.peerId,
      side: 'here',
      direction: 'inbound',
      reason: 'wrong password "wrong"',
    })
    expect([...a.peers(), ...b.peers()]).toEqual([])
  })

  test('refused by the side that dialled is never up on either', async () => {
    const ups: string[] = []
    const a = await startMesh()
    const b = await startMesh({
      components: { hello: { ...passwordHello('b', 'wrong'), verify: async () => ({ info: { name: '' } }) } },
    })
    for (const mesh of [a, b]) mesh.on('peer:up', ({ peer }) => ups.push(peer))
    const refusedThere = next(b, 'peer:refused')
    const error = await failure(a.dial(b.listenAddresses()))
    expect(error).toMatchObject({ attempts: [{ reason: 'wrong password "wrong"' }] })
    expect(await refusedThere).toMatchObject({ side: 'there', peer: a.peerId })
    expect(ups).toEqual([])
  })

  test('refused with an error of ours tells that error’s code', async () => {
    const hello = passwordHello('b')
    const verify = async (): Promise<{ info: Info }> => {
      throw new ExpiredError('the credential of x expired in March')
    }
    const a = await startMesh()
    const b = await startMesh({ components: { hello: { ...hello, verify } } })
    const error = await failure(a.dial(b.listenAddresses()))
    expect(error).toMatchObject({ attempts: [{ code: 'VSMCP_SAMPLE_EXPIRED' }] })
    expect(String(error)).not.toContain('March')
  })

  test('between nodes without a wire version in common is refused, and both say which versions met', async () => {
    const a = await startMesh({ wire: { min: 1, max: 2 } })
    const b = await startMesh({ wire: { min: 3, max: 4 } })
    const here = next(b, 'peer:refused')
    const error = await failure(a.dial(b.listenAddresses()))
    expect(error).toMatchObject({
      attempts: [{ code: 'VSMCP_MESH_WIRE_RANGE', reason: 'refused there: it speaks wire 3 to 4, this node 1 to 2' }],
      hint: 'Upgrade the older of the two nodes.',
    })
    expect(await here).toMatchObject({ reason: 'it speaks wire 1 to 2, this node 3 to 4' })
  })

  test('between nodes whose wire ranges overlap agrees on the highest common version', async () => {
    const [a, b] = await pair({ wire: { min: 1, max: 4 } }, { wire: { min: 2, max: 3 } })
    expect([a.peers()[0]?.wire, b.peers()[0]?.wire]).toEqual([3, 3])
  })

  test('that its verifier never decides is given up', async () => {
    const verify = (): Promise<{ info: Info }> => new Promise(() => {})
    const a = await startMesh({ limits: { helloTimeoutMs: 100 } })
    const b = await startMesh({ components: { hello: { ...passwordHello('b'), verify } }, limits: { helloTimeoutMs: 100 } })
    expect(await failure(a.dial(b.listenAddresses()))).toBeInstanceOf(DialError)
    expect(b.peers()).toEqual([])
  })
})

test('a peer whose gossip never gets ready is up after a while all the same, and no handler meets it before', async () => {
  const logger = recordingLogger()
  const mesh = await startMesh({ components: { logger } })
  const events: string[] = []
  const handled = Promise.withResolvers<void>()
  mesh.on('peer:up', () => events.push('up'))
  mesh.rpc.onNotice('early', () => {
    events.push('handled')
    handled.resolve()
  })
  const { connection } = await rawMember(mesh, { ready: false })
  const stream = await connection.newStream(PLANE_PROTOCOLS.rpc)
  stream.send(new OutgoingFrame([NOTICE, 'early']).head)
  await handled.promise
  expect(events).toEqual(['up', 'handled'])
  expect(logger.lines.map(({ msg }) => msg)).toContain('the gossip of a peer is not ready; it counts as up all the same')
})

test('a mesh without a component, or with another kind of key, fails at construction', () => {
  const components = { privateKey: bytes('x'), hello: passwordHello('a') }
  // @ts-expect-error a component is missing
  expect(() => createMesh()(components)).toThrow(/lacks the component "clock"/)
  const whole = { ...components, clock: systemClock, random: seededRandom(1), logger: silentLogger }
  expect(() => createMesh()(whole)).toThrow(PrivateKeyError)
})
