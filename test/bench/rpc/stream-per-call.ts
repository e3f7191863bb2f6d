import type { Connection, Libp2p } from '../../../packages/mesh/test/support/raw.ts'

export { rawNode } from '../../../packages/mesh/test/support/raw.ts'

/** What a program on libp2p does without a plane: one stream for each call. */
export const STREAM_PROTOCOL = '/bench/stream-per-call/1'

export const multiaddrs = (node: Libp2p): string[] => node.getMultiaddrs().map(String)

export async function callByStream(connection: Connection, payload: Uint8Array): Promise<number> {
  const stream = await connection.newStream(STREAM_PROTOCOL, { maxOutboundStreams: 4_096, negotiateFully: false })
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let length = 0
  stream.addEventListener('message', ({ data }) => {
    length += data.byteLength
    if (length === payload.byteLength) resolve(length)
  })
  stream.addEventListener('close', ({ error }) => reject(error ?? new Error('closed')))
  stream.send(payload)
  await stream.close()
  return promise
}
