import { messageOf } from '@vsmcp/kernel'
import { ListenError } from './errors.ts'

/** Says in words which of the addresses could not be had, and why. */
export function listenError(listen: readonly string[], cause: unknown): ListenError {
  const text = messageOf(cause)
  const failed = [...text.matchAll(/^\s*(\/\S+): (?:\w*Error: )?(.+)$/gm)].map(([, address, reason]) => `${address}: ${reason}`)
  const inUse = text.includes('EADDRINUSE')
  return new ListenError(`cannot listen on ${failed.length > 0 ? failed.join(', ') : `${listen.join(', ')}: ${text}`}`, {
    cause,
    hint: inUse
      ? 'Another process has that port, perhaps another node: stop it or choose another port with --listen.'
      : 'Choose an address and port this machine has with --listen.',
  })
}
