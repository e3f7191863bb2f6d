import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { type Clock, messageOf, type PeerIdString, TimeoutError, VsmcpError } from '@vsmcp/kernel'
import { parseAddress, peerOf, withPeer } from './addresses.ts'
import { DIAL_TIMEOUT_MS } from './constants.ts'
import { type Deadline, deadline } from './deadline.ts'
import { type DialAttempt, DialError, HelloRefusedError, UnexpectedPeerError } from './errors.ts'

export interface DialerComponents {
  readonly self: PeerIdString
  readonly clock: Clock
  /** Everything is said inside a private network. */
  readonly hasPnetKey: boolean
  /** libp2p's own dial: gives the connection that stands, or makes one. */
  connect: (address: Multiaddr, signal: AbortSignal) => Promise<Connection>
  /** Closes a connection that turned out to be of no use, unless a verified peer uses it. */
  discard: (connection: Connection, error: Error) => void
}

export interface Route {
  readonly expect?: readonly PeerIdString[] | undefined
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
}

const UNREACHABLE: ReadonlyArray<readonly [pattern: RegExp, reason: string]> = [
  [/ECONNREFUSED/, 'connection refused: nothing listens there'],
  [/EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL/, 'no route to that address'],
  [/ENOTFOUND|EAI_AGAIN/, 'the name does not resolve'],
  [
    /ECONNRESET|EPIPE|closed the connection|unexpected end|Unexpected EOF|Remote closed|operation was aborted/i,
    'the connection was closed before its handshake was done',
  ],
  [/Missing newline|varint|data length|too long/i, 'what answers there does not speak libp2p'],
  [/does not match expected remote identity/, 'somebody with another identity answers there'],
  [/dial self/i, 'that is this node itself'],
]

/** Tries addresses in order, each with a time limit of its own, and remembers why each failed. */
export class Dialer {
  readonly #components: DialerComponents

  constructor(components: DialerComponents) {
    this.#components = components
  }

  /** @param use what makes an address good: it rejects to have the next one tried */
  async first<T>(
    addresses: readonly (string | Multiaddr)[],
    route: Route,
    use: (connection: Connection, limit: Deadline, address: string) => Promise<T>,
  ): Promise<T> {
    const attempts: DialAttempt[] = []
    const causes: unknown[] = []
    for (const [address, given] of new Map(addresses.map((each) => [String(each), each]))) {
      try {
        return await this.#try(given, route, use)
      } catch (error) {
        if (route.signal?.aborted === true) throw failed([...attempts, { address, reason: 'cancelled' }], [...causes, error])
        attempts.push(attempt(address, error, this.#components.hasPnetKey))
        causes.push(error)
      }
    }
    throw failed(attempts, causes)
  }

  async #try<T>(
    given: string | Multiaddr,
    { expect, signal, timeoutMs = DIAL_TIMEOUT_MS }: Route,
    use: (connection: Connection, limit: Deadline, address: string) => Promise<T>,
  ): Promise<T> {
    const { clock, connect, discard, self } = this.#components
    const [only, ...others] = expect ?? []
    const address = withPeer(typeof given === 'string' ? parseAddress(given) : given, others.length === 0 ? only : undefined)
    checkPeer(peerOf(address), expect)
    if (peerOf(address) === self) throw new UnexpectedPeerError('that is this node itself')
    const limit = deadline(clock, timeoutMs, () => new TimeoutError(`no answer within ${timeoutMs} ms`), signal)
    let connection: Connection | undefined
    try {
      connection = await limit.race(connect(address, limit.signal))
      checkPeer(connection.remotePeer.toString(), expect)
      return await use(connection, limit, address.toString())
    } catch (error) {
      // libp2p reports an abort in words of its own
      const reason: unknown = limit.signal.aborted ? limit.signal.reason : error
      if (connection !== undefined) discard(connection, reason instanceof Error ? reason : new Error(String(reason)))
      throw reason
    } finally {
      limit.done()
    }
  }
}

function checkPeer(peer: PeerIdString | undefined, expect: readonly PeerIdString[] | undefined): void {
  if (peer === undefined || expect === undefined || expect.length === 0 || expect.includes(peer)) return
  throw new UnexpectedPeerError(`${peer} is there, ${expect.join(' or ')} was expected`)
}

function attempt(address: string, error: unknown, hasPnetKey: boolean): DialAttempt {
  const isPnet = hasPnetKey && (error instanceof TimeoutError || isWithoutHandshake(error))
  const reason = isPnet ? `${reasonOf(error)} (its pnet key may be another, or it has none)` : reasonOf(error)
  if (error instanceof HelloRefusedError) return { address, reason, code: error.refusal }
  return error instanceof VsmcpError ? { address, reason, code: error.code } : { address, reason }
}

/** It broke off before both had a word of libp2p in common, or that word was none. */
function isWithoutHandshake(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isWithoutHandshake)
  return (
    error instanceof Error &&
    ((error.name === 'EncryptionFailedError' && !/identity/.test(error.message)) || /ECONNRESET/.test(error.message))
  )
}

function reasonOf(error: unknown): string {
  const text = messageOf(error)
  if (error instanceof VsmcpError) return text
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].join('; ')
  return UNREACHABLE.find(([pattern]) => pattern.test(text))?.[1] ?? text
}

function failed(attempts: readonly DialAttempt[], causes: readonly unknown[]): DialError {
  const tried = attempts.map(({ address, reason }) => `${address}: ${reason}`)
  const message = tried.length === 0 ? 'no address was given to dial' : `no address led to a member: ${tried.join(' | ')}`
  const hint = hintOf(attempts, causes)
  return new DialError(message, attempts, { hint, cause: causes.length === 1 ? causes[0] : new AggregateError(causes) })
}

function hintOf(attempts: readonly DialAttempt[], causes: readonly unknown[]): string {
  const known = causes.find((cause) => cause instanceof VsmcpError && cause.hint !== undefined)
  if (known instanceof VsmcpError && known.hint !== undefined) return known.hint
  if (attempts.length === 0) return 'Ask a member for its addresses.'
  return 'Check that the node runs there, that its port is open, that the addresses are those it is reached at from here, and that both or neither have the pnet key.'
}
