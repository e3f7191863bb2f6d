import type { StreamMuxerFactory } from '@libp2p/interface'
import { yamux, type YamuxMuxerInit } from '@libp2p/yamux'

/**
 * Yamux announces a new stream in a microtask of its own (8.0.3, `onCreateStream`). When the connection closed in the turn
 * before, that throws where nobody can catch it, and would end the process: such a stream is aborted instead.
 */
export const guardedYamux = (init: YamuxMuxerInit) => (): StreamMuxerFactory => {
  const factory = yamux(init)()
  const createStreamMuxer = factory.createStreamMuxer.bind(factory)
  factory.createStreamMuxer = (connection) => {
    const muxer = createStreamMuxer(connection)
    const onCreateStream = muxer.onCreateStream.bind(muxer)
    muxer.onCreateStream = () => {
      const stream = onCreateStream()
      const announce = stream.sendWindowUpdate.bind(stream)
      stream.sendWindowUpdate = () => {
        try {
          announce()
        } catch (error) {
          stream.onTransportClosed(error instanceof Error ? error : new Error(String(error)))
        }
      }
      return stream
    }
    return muxer
  }
  return factory
}
