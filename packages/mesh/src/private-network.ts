import { randomBytes } from 'node:crypto'
import type { ConnectionProtector } from '@libp2p/interface'
import { PnetKeyError } from './errors.ts'

const HEADER = '/key/swarm/psk/1.0.0/\n/base16/\n'
const FORM = /^\/key\/swarm\/psk\/1\.0\.0\/\r?\n\/base16\/\r?\n[0-9a-f]{64}\s*$/i

/** Text of a new pnet key, in the form of libp2p's swarm keys. */
export function newPnetKey(): string {
  return `${HEADER}${randomBytes(32).toString('hex')}\n`
}

/** Throws `PnetKeyError` when the text is no pnet key; what it holds is never repeated. */
export function checkPnetKey(text: string): void {
  if (FORM.test(text)) return
  throw new PnetKeyError('that is no pnet key', {
    hint: 'Make one with "vsmcp key pnet --new FILE" and give the same file to every node.',
  })
}

/** Wraps every connection in one more cipher, before anything of libp2p is said. Loaded only where there is a key. */
export async function privateNetwork(key: string): Promise<() => ConnectionProtector> {
  const { preSharedKey } = await import('@libp2p/pnet')
  return preSharedKey({ psk: new TextEncoder().encode(key.trimEnd().replaceAll('\r', '')) })
}
