import { expect, test } from 'vitest'
import { DialError } from '../src/index.ts'
import { bytes, next, startMesh, text } from './support/nodes.ts'
import { newKey } from './support/raw.ts'
import { childMesh } from './support/child.ts'

test('a peer that restarts before its old connection is reaped takes its place, gossip and calls included', async () => {
  const a = await startMesh({ name: 'a' })
  a.rpc.handle('echo', async ({ payload }) => payload)
  const heardByA = Promise.withResolvers<string>()
  a.gossip.subscribe('to a', (_from, payload) => heardByA.resolve(text(payload)))
  const events: string[] = []
  a.on('peer:up', ({ info }) => events.push(`up ${info.name}`))
  a.on('peer:down', ({ reason }) => events.push(`down ${reason}`))
  const privateKey = await newKey()

  const first = await childMesh(privateKey, 'first')
  const up = next(a, 'peer:up')
  await first.dial(a.listenAddresses())
  await up
  // the process stands still: its socket stays open, and nobody answers at it
  first.stand()

  const second = await startMesh({ name: 'second', privateKey })
  const heardBySecond = Promise.withResolvers<string>()
  second.gossip.subscribe('to second', (_from, payload) => heardBySecond.resolve(text(payload)))
  const upAgain = next(a, 'peer:up')
  await second.dial(a.listenAddresses())
  await upAgain
  expect(events).toEqual(['up first', 'down restarted', 'up second'])
  expect(text(await second.rpc.call(a.peerId, 'echo', bytes('call'), { deadlineMs: 2_000 }))).toBe('call')
  await second.gossip.publish('to a', bytes('from second'))
  await a.gossip.publish('to second', bytes('from a'))
  expect(await heardByA.promise).toBe('from second')
  expect(await heardBySecond.promise).toBe('from a')
})

test('a peer that was stopped and started again is up again, gossip included', async () => {
  const a = await startMesh({ name: 'a' })
  const privateKey = await newKey()
  for (const name of ['one', 'two', 'three']) {
    const mesh = await startMesh({ name, privateKey })
    const told = Promise.withResolvers<string>()
    mesh.gossip.subscribe('topic', (_from, payload) => told.resolve(text(payload)))
    const up = next(a, 'peer:up')
    await mesh.dial(a.listenAddresses())
    expect((await up).info.name).toBe(name)
    await a.gossip.publish('topic', bytes(`hello ${name}`))
    expect(await told.promise).toBe(`hello ${name}`)
    const down = next(a, 'peer:down')
    await mesh.stop()
    expect(await down).toEqual({ peer: mesh.peerId, reason: 'closed' })
  }
})

test('of two living processes with one identity the later is refused, and both sides report it', async () => {
  const a = await startMesh({ name: 'a' })
  const privateKey = await newKey()
  const [first, second] = [await startMesh({ name: 'first', privateKey }), await startMesh({ name: 'second', privateKey })]
  const up = next(a, 'peer:up')
  await first.dial(a.listenAddresses())
  await up
  const alert = next(a, 'duplicate:identity')
  const ownAlert = next(second, 'duplicate:identity')
  const refused = await second.dial(a.listenAddresses()).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(DialError)
  expect(refused).toMatchObject({ attempts: [{ code: 'VSMCP_MESH_DUPLICATE_IDENTITY' }] })
  expect(await alert).toMatchObject({ peer: first.peerId, self: false })
  expect(await ownAlert).toMatchObject({ peer: second.peerId, self: true })
  expect(a.peers()).toMatchObject([{ info: { name: 'first' } }])
})
