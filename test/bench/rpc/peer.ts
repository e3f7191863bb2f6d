/**
 * The answering process: a mesh with a handler that gives back what it gets, and beside it a bare libp2p node that takes
 * a stream per call. Prints where they listen as one line of JSON.
 */
import { benchMesh } from './bench-mesh.ts'
import { multiaddrs, rawNode, STREAM_PROTOCOL } from './stream-per-call.ts'

const LOOPBACK = '/ip4/127.0.0.1/tcp/0'

const mesh = await benchMesh([LOOPBACK])
mesh.rpc.handle('echo', async ({ payload }) => payload)

const raw = await rawNode([LOOPBACK])
await raw.handle(
  STREAM_PROTOCOL,
  (stream) => {
    stream.addEventListener('message', ({ data }) => stream.send(data))
    stream.addEventListener('remoteCloseWrite', () => void stream.close())
  },
  { maxInboundStreams: 4_096 },
)

console.log(JSON.stringify({ peer: mesh.peerId, mesh: mesh.listenAddresses(), raw: multiaddrs(raw) }))
