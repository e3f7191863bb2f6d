/**
 * `open-connections.ts PORT COUNT`: opens so many connections to a loopback port, a hundred at a time, sends the beginning of a
 * request on each and leaves it. Prints how many came to stand, then keeps what the other side left open until it is killed.
 */
import { connect } from 'node:net'

const [port, count] = process.argv.slice(2).map(Number)
const AT_ONCE = 100
let begun = 0
let opened = 0

function openNext(): void {
  if (begun === count) {
    if (opened === count) process.stdout.write(`${opened}\n`)
    return
  }
  begun += 1
  const socket = connect(port ?? 0, '127.0.0.1', () => {
    opened += 1
    socket.write('POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-')
    openNext()
  })
  // the other side closes what is too many
  socket.on('error', () => {})
}

for (let at = 0; at < AT_ONCE; at++) openNext()
