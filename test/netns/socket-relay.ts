/**
 * Brings a TCP server of another namespace to a socket file, which every process of this machine can open:
 * `node socket-relay.ts SOCKET_PATH HOST:PORT`, run where the server is.
 */
import { connect, createServer } from 'node:net'

const [socketPath = '', target = ''] = process.argv.slice(2)
const colon = target.lastIndexOf(':')

createServer({ allowHalfOpen: true }, (inbound) => {
  const outbound = connect({
    host: target.slice(0, colon),
    port: Number(target.slice(colon + 1)),
    allowHalfOpen: true,
    noDelay: true,
  })
  for (const [from, to] of [
    [inbound, outbound],
    [outbound, inbound],
  ] as const) {
    from.pipe(to)
    from.once('error', () => to.destroy())
    from.once('close', () => to.destroy())
  }
}).listen(socketPath)
