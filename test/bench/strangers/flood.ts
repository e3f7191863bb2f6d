/**
 * A stranger at the door, a process of its own: `node flood.ts KIND MULTIADDR`. Tries as fast as one core can until it is
 * killed; prints a line when it has begun, and one with its attempts every second.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'

import { generateIdentity } from '../../../packages/security/src/index.ts'
import { dialRaw, raw, showing, tryProtocol } from '../../strangers/lib/hostile.ts'

/** Attempts under way at once. */
const AT_ONCE = 8

type Attempt = (address: string) => Promise<void>

export const KINDS = {
  'half-open connections': async (address) => {
    const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1])
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('\x13/multistream/1.0.0\n\x07/noise\n')
    await once(socket, 'connect').catch(() => {})
    setTimeout(() => socket.destroy(), 100)
  },
  'garbage hellos': async (address) => {
    const stranger = await showing(generateIdentity(), () => randomBytes(100_000))
    await stranger.dial([address]).catch(() => {})
    await stranger.stop()
  },
  'streams before a hello': async (address) => {
    const stranger = await raw()
    const connection = await dialRaw(stranger, [address])
    for (let at = 0; at < 50 && connection.status === 'open'; at++) {
      await tryProtocol(connection, '/vsmcp/control/1', randomBytes(1_000), 1)
    }
    await stranger.stop()
  },
} as const satisfies Record<string, Attempt>

async function main(): Promise<void> {
  const [kind = '', address = ''] = process.argv.slice(2)
  const attempt: Attempt | undefined = Object.entries(KINDS).find(([name]) => name === kind)?.[1]
  if (attempt === undefined) throw new Error(`no flood of ${kind}: ${Object.keys(KINDS).join(', ')}`)
  let attempts = 0
  console.log(JSON.stringify({ attempts }))
  setInterval(() => console.log(JSON.stringify({ attempts })), 1_000)
  const again = async (): Promise<never> => {
    for (;;) {
      await attempt(address).catch(() => {})
      attempts += 1
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, again))
}

if (import.meta.main) await main()
