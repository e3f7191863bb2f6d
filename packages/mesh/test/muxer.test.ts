import type { MultiaddrConnection, Stream, StreamMuxer } from '@libp2p/interface'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { expect, test } from 'vitest'
import { memberYamux } from '../src/muxer.ts'

interface Side {
  readonly connection: MultiaddrConnection
  readonly muxer: StreamMuxer
  /** Bytes of each message that went out. */
  readonly sent: number[]
  /** Streams that the other side opened. */
  readonly opened: Stream[]
}

function side(connection: MultiaddrConnection): Side {
  const sent: number[] = []
  const opened: Stream[] = []
  const send = connection.send.bind(connection)
  connection.send = (data) => {
    sent.push(data.byteLength)
    return send(data)
  }
  const muxer = memberYamux({ enableKeepAlive: false })().createStreamMuxer(connection)
  muxer.addEventListener('stream', ({ detail }) => opened.push(detail))
  return { connection, muxer, sent, opened }
}

function sides(): [Side, Side] {
  const [a, b] = multiaddrConnectionPair()
  return [side(a), side(b)]
}

/** Bytes of each piece that the stream gives. */
function pieces(stream: Stream): number[] {
  const lengths: number[] = []
  stream.addEventListener('message', ({ data }) => lengths.push(data.byteLength))
  return lengths
}

const sum = (lengths: readonly number[]): number => lengths.reduce((total, length) => total + length, 0)

/** Bytes of yamux's header, and of the window that both sides begin with. */
const HEADER = 12
const WINDOW = 256 * 1024

test('the frames of a turn leave as one message, in their order', async () => {
  const [a, b] = sides()
  const streams = await Promise.all([a.muxer.createStream(), a.muxer.createStream(), a.muxer.createStream()])
  await expect.poll(() => b.opened.length).toBe(3)
  const got = b.opened.map(pieces)
  a.sent.length = 0
  for (const stream of streams) for (const length of [10, 20, 30]) stream.send(new Uint8Array(length))
  await expect.poll(() => got.map(sum)).toEqual([60, 60, 60])
  expect(got).toEqual(Array.from({ length: 3 }, () => [10, 20, 30]))
  expect(a.sent).toEqual([9 * HEADER + 3 * 60])
})

test('data is answered by an update of the window once half of it is used, not at every frame', async () => {
  const [a, b] = sides()
  const stream = await a.muxer.createStream()
  await expect.poll(() => b.opened.length).toBe(1)
  const got = b.opened.map(pieces)[0] ?? []
  b.sent.length = 0
  for (let sent = 1; sent <= 4; sent++) {
    stream.send(new Uint8Array(WINDOW / 8))
    await expect.poll(() => sum(got)).toBe((sent * WINDOW) / 8)
  }
  expect(b.sent).toEqual([])
  stream.send(new Uint8Array(1))
  await expect.poll(() => b.sent).toEqual([HEADER])
  // and a sender that used all of it is not left waiting
  stream.send(new Uint8Array(4 * WINDOW))
  await expect.poll(() => sum(got)).toBe(4 * WINDOW + WINDOW / 2 + 1)
})

test('what was written before the good-bye arrives before the connection closes', async () => {
  const [a, b] = sides()
  const stream = await a.muxer.createStream()
  await expect.poll(() => b.opened.length).toBe(1)
  const got = b.opened.map(pieces)[0] ?? []
  stream.send(new Uint8Array(7))
  await a.muxer.close()
  await a.connection.close()
  await expect.poll(() => got).toEqual([7])
})
