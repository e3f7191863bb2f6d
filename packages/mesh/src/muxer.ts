import type { MessageStream, StreamMuxerFactory } from '@libp2p/interface'
import { yamux, type YamuxMuxerInit } from '@libp2p/yamux'
import { COALESCE_LENGTH } from './constants.ts'
import { TurnFlush } from './turn-flush.ts'

type Muxer = ReturnType<ReturnType<ReturnType<typeof yamux>>['createStreamMuxer']>
type MuxedStream = ReturnType<Muxer['onCreateStream']>
type Frame = Parameters<Muxer['send']>[0]

/** Yamux as members need it (8.0.3): fewer frames, fewer writes, and nothing thrown where nobody can catch it. */
export const memberYamux = (init: YamuxMuxerInit) => (): StreamMuxerFactory => {
  const factory = yamux(init)()
  const createStreamMuxer = factory.createStreamMuxer.bind(factory)
  factory.createStreamMuxer = (connection) => {
    const muxer = createStreamMuxer(connection)
    joinFrames(muxer, connection)
    const onCreateStream = muxer.onCreateStream.bind(muxer)
    muxer.onCreateStream = () => {
      const stream = onCreateStream()
      guardAnnouncement(stream)
      spareWindowUpdates(stream)
      return stream
    }
    const onRemoteStream = muxer.onRemoteStream.bind(muxer)
    muxer.onRemoteStream = (stream) => {
      spareWindowUpdates(stream)
      onRemoteStream(stream)
    }
    return muxer
  }
  return factory
}

/**
 * The frames of a turn leave as one message: one encryption, one system call, and the other side is woken once. To open a
 * stream alone takes seven frames, and a new connection opens several.
 */
function joinFrames(muxer: Muxer, connection: MessageStream): void {
  const send = muxer.send.bind(muxer)
  let waiting: Frame[] = []
  let waitingLength = 0
  const flush = (): boolean => {
    const [first, ...others] = waiting
    if (first === undefined) return true
    const message = others.length === 0 ? first : joined([first, ...others], waitingLength)
    waiting = []
    waitingLength = 0
    return send(message)
  }
  const turn = new TurnFlush(() => {
    try {
      flush()
    } catch (error) {
      // a connection that closed in between tells its streams by itself
      if (connection.status === 'open') connection.abort(error instanceof Error ? error : new Error(String(error)))
    }
  })
  muxer.send = (frame) => {
    if (connection.status !== 'open') return send(frame)
    waiting.push(frame)
    waitingLength += frame.byteLength
    if (waitingLength >= COALESCE_LENGTH) return flush()
    turn.schedule()
    return true
  }
  // the good-bye, and what came before it, goes out before the connection closes
  const close = muxer.close.bind(muxer)
  muxer.close = async (options) => {
    try {
      await close(options)
    } finally {
      if (connection.status === 'open') flush()
    }
  }
  const abort = muxer.abort.bind(muxer)
  muxer.abort = (error) => {
    abort(error)
    if (connection.status === 'open') flush()
  }
}

function joined(frames: readonly Frame[], length: number): Uint8Array {
  const message = Buffer.allocUnsafe(length)
  let offset = 0
  for (const frame of frames) {
    for (const piece of frame instanceof Uint8Array ? [frame] : frame) {
      message.set(piece, offset)
      offset += piece.byteLength
    }
  }
  return message
}

/**
 * Yamux announces a new stream in a microtask of its own (`onCreateStream`). When the connection closed in the turn before,
 * that throws where nobody can catch it, and would end the process: such a stream is aborted instead.
 */
function guardAnnouncement(stream: MuxedStream): void {
  const announce = stream.sendWindowUpdate.bind(stream)
  stream.sendWindowUpdate = () => {
    try {
      announce()
    } catch (error) {
      stream.onTransportClosed(error instanceof Error ? error : new Error(String(error)))
    }
  }
}

/** What TypeScript calls private, and the rule needs. */
interface Window {
  readonly recvWindow: number
  readonly recvWindowCapacity: number
}

/**
 * Yamux answers every frame of data with an update of the window: half of all frames were such. Here the sender is told when
 * it has used half of its window, as by Go's implementation: it does not come to wait for that. Who was asked for a stream
 * acknowledges it with its first data.
 */
function spareWindowUpdates(stream: MuxedStream): void {
  const sendWindowUpdate = stream.sendWindowUpdate.bind(stream)
  const window = stream as unknown as Window
  let isAnnounced = stream.direction === 'inbound'
  stream.sendWindowUpdate = () => {
    if (isAnnounced && window.recvWindowCapacity >= window.recvWindow / 2) return
    isAnnounced = true
    sendWindowUpdate()
  }
}
