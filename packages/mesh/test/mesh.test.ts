import { expect, test } from 'vitest'
import { bytes, next, pair, startMesh, text } from './support/nodes.ts'

test('a call crosses the mesh and its answer comes back', async () => {
  const [a, b] = await pair()
  b.rpc.handle('echo', async ({ payload, peer }) => bytes(`${text(payload)} from ${peer === a.peerId ? 'a' : peer}`))
  const answer = await a.rpc.call(b.peerId, 'echo', bytes('hello'), { deadlineMs: 1_000 })
  expect(text(answer)).toBe('hello from a')
})

test('gossip published at peer:up reaches the peer, in both directions', async () => {
  const a = await startMesh({ name: 'a' })
  const b = await startMesh({ name: 'b' })
  const heard: string[] = []
  const both = Promise.withResolvers<void>()
  for (const mesh of [a, b]) {
    mesh.gossip.subscribe('topic', (from, payload) => {
      heard.push(`${text(payload)} ${from === (mesh === a ? b : a).peerId}`)
      if (heard.length === 2) both.resolve()
    })
    mesh.on('peer:up', () => void mesh.gossip.publish('topic', bytes(mesh === a ? 'a' : 'b')))
  }
  const t = performance.now()
  const up = next(b, 'peer:up')
  await a.dial(b.listenAddresses())
  await up
  await both.promise
  expect(heard.toSorted()).toEqual(['a true', 'b true'])
})
