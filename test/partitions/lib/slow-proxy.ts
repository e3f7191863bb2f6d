/**
 * A TCP proxy that holds every byte back for a while, both ways, in order: `node slow-proxy.ts LISTEN_HOST:PORT TARGET_HOST:PORT`.
 * How long, in milliseconds, is read line by line from stdin. This kernel has no netem. `hold ADDRESS` keeps back what comes from there
 * until `release`; then it goes on at once and in order, as a network does that had lost nothing.
 */
import { connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

/** What may be held back of one direction, bytes; beyond it the sender has to wait. */
const HELD_BYTES_MAX = 16 * 1024 * 1024

const [listen = '', target = ''] = process.argv.slice(2)
let delayMs = 0

const split = (address: string): { host: string; port: number } => {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
}

/** What waits to be done at its time, in the order it came: nothing overtakes, though the delay was lowered meanwhile. */
function delayLine(): (work: () => void) => void {
  const waiting: { at: number; work: () => void }[] = []
  let isWaking = false
  const wakeIn = (ms: number): void => {
    isWaking = true
    setTimeout(run, Math.ceil(ms))
  }
  const run = (): void => {
    isWaking = false
    for (let [first] = waiting; first !== undefined; [first] = waiting) {
      const leftMs = first.at - performance.now()
      if (leftMs > 0) return wakeIn(leftMs)
      waiting.shift()
      first.work()
    }
  }
  return (work) => {
    waiting.push({ at: performance.now() + delayMs, work })
    if (!isWaking) wakeIn(delayMs)
  }
}

/** By address: what waits for its release. */
const heldBack = new Map<string, (() => void)[]>()

/** @param source whose bytes these are, where they may be held */
function forward(from: Socket, to: Socket, source?: string): void {
  const line = delayLine()
  const later = (work: () => void): void =>
    line(() => {
      const waiting = source === undefined ? undefined : heldBack.get(source)
      if (waiting === undefined) work()
      else waiting.push(work)
    })
  let held = 0
  from.on('data', (chunk: Buffer) => {
    held += chunk.length
    if (held > HELD_BYTES_MAX) from.pause()
    later(() => {
      held -= chunk.length
      if (from.isPaused() && held <= HELD_BYTES_MAX) from.resume()
      if (!to.destroyed) to.write(chunk)
    })
  })
  from.once('end', () => later(() => to.end()))
  from.once('error', () => to.destroy())
  from.once('close', () => later(() => to.destroy()))
}

createServer({ allowHalfOpen: true }, (inbound) => {
  const outbound = connect({ ...split(target), allowHalfOpen: true, noDelay: true })
  inbound.setNoDelay(true)
  forward(inbound, outbound, inbound.remoteAddress)
  forward(outbound, inbound)
}).listen({ ...split(listen) }, () => console.log('listening'))

createInterface(process.stdin).on('line', (line) => {
  const [command, address = ''] = line.split(' ')
  if (command === 'hold') heldBack.set(address, [])
  else if (command === 'release') {
    const all = [...heldBack.values()].flat()
    heldBack.clear()
    for (const work of all) work()
  } else delayMs = Number(line)
  console.log(line)
})
