import type { Stream } from '@libp2p/interface'
import { BusyError, NotSentError, TimeoutError } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import { PLANE_PROTOCOLS } from '../src/constants.ts'
import { bytes, next, pair, startMesh, text } from './support/nodes.ts'
import { rawMember } from './support/raw-member.ts'

const MIB = 1 << 20

/** A member that takes every stream and reads nothing until told to. */
async function slowReader(sendQueueBytesMax: number): Promise<{
  mesh: Awaited<ReturnType<typeof startMesh>>
  peer: string
  read: () => void
  received: () => number
}> {
  const mesh = await startMesh({ limits: { sendQueueBytesMax } })
  const up = next(mesh, 'peer:up')
  const member = await rawMember(mesh)
  await up
  const streams: Stream[] = []
  let bytesRead = 0
  await member.node.handle(PLANE_PROTOCOLS.rpc, (stream) => {
    stream.addEventListener('message', ({ data }) => (bytesRead += data.byteLength))
    stream.pause()
    streams.push(stream)
  })
  return {
    mesh,
    peer: member.node.peerId.toString(),
    read: () => {
      for (const stream of streams) stream.resume()
    },
    received: () => bytesRead,
  }
}

test('calls to a peer that does not read fail with BusyError once its queue is full, and say what was sent', async () => {
  const { mesh, peer } = await slowReader(2 * MIB)
  const outcomes = Array.from({ length: 10 }, () =>
    mesh.rpc.call(peer, 'x', new Uint8Array(MIB / 2), { deadlineMs: 1_000 }).catch((error: unknown) => error),
  )
  const errors = await Promise.all(outcomes)
  const count = (kind: new (...args: never[]) => unknown): number => errors.filter((error) => error instanceof kind).length
  // the first left at least in part; what fitted the queue never left; the rest was refused at once
  expect(count(BusyError)).toBeGreaterThanOrEqual(5)
  expect(count(TimeoutError)).toBeGreaterThanOrEqual(1)
  expect(count(NotSentError)).toBeGreaterThanOrEqual(1)
  expect(count(BusyError) + count(TimeoutError) + count(NotSentError)).toBe(10)
})

test('notices to a peer that does not read are refused once its queue is full, and flow again when it reads', async () => {
  const { mesh, peer, read, received } = await slowReader(MIB)
  const notice = new Uint8Array(100_000)
  let sent = 0
  while (mesh.rpc.notify(peer, 'x', notice)) sent += 1
  expect(sent).toBe(10)
  while (received() < sent * notice.byteLength) {
    // its stream may still be opening
    read()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(mesh.rpc.notify(peer, 'x', notice)).toBe(true)
})

test('progress waits while the caller’s side is full, so a fast handler does not pile up', async () => {
  const [a, b] = await pair()
  let sent = 0
  let seen = 0
  let mostUnderWay = 0
  b.rpc.handle('stream', async (call) => {
    for (let i = 0; i < 64; i++) {
      sent += MIB / 2
      await call.progress(new Uint8Array(MIB / 2))
      mostUnderWay = Math.max(mostUnderWay, sent - seen)
    }
    return bytes('end')
  })
  const onProgress = (payload: Uint8Array): void => void (seen += payload.byteLength)
  expect(text(await a.rpc.call(b.peerId, 'stream', bytes(''), { deadlineMs: 20_000, onProgress }))).toBe('end')
  expect(seen).toBe(32 * MIB)
  // what lies in sockets and windows, not what the handler would like to send
  expect(mostUnderWay).toBeLessThan(24 * MIB)
})

test('requests over the bytes a node serves at a time are refused as busy, small ones are not held up', async () => {
  const [a, b] = await pair()
  const release = Promise.withResolvers<void>()
  b.rpc.handle('hold', async () => {
    await release.promise
    return bytes('held')
  })
  b.rpc.handle('echo', async ({ payload }) => payload)
  const options = { deadlineMs: 20_000 }
  const held = Array.from({ length: 5 }, () =>
    a.rpc.call(b.peerId, 'hold', new Uint8Array(15 * MIB), options).then(text, (error: unknown) => error),
  )
  const refused = await Promise.any(
    held.map(async (outcome) => {
      const value = await outcome
      if (value === 'held') throw new Error('served')
      return value
    }),
  )
  expect(refused).toBeInstanceOf(BusyError)
  expect(text(await a.rpc.call(b.peerId, 'echo', bytes('small'), options))).toBe('small')
  release.resolve()
  expect((await Promise.all(held)).filter((value) => value === 'held').length).toBeGreaterThanOrEqual(4)
})
