import {
  type CallHandler,
  type CallOptions,
  InvalidArgumentError,
  type Logger,
  type NoticeHandler,
  type PeerIdString,
  type Plane,
} from '@vsmcp/kernel'
import { NotBorneOutError, StaleOrderError } from '../errors.ts'

/** The fencing token of rule 3: order is (epoch, term, index). */
export interface FencingToken {
  epoch: number
  term: number
  /** Of the last entry applied where the order was given. */
  index: number
}

/** How this node stands in its group. */
export interface Following extends FencingToken {
  leader: PeerIdString | undefined
}

export interface OrderPlaneComponents {
  control: Plane
  /** Undefined while the disk refuses: then nothing is ordered and nothing obeyed. */
  following: () => Following | undefined
  logger: Logger
  /** False while the group's feature level is below that of tokens: older versions neither send nor expect one. @default always */
  isFenced?: () => boolean
}

/** Three big-endian 64-bit counters before the payload. */
const COUNTER_LENGTH = 8
const TOKEN_LENGTH = 3 * COUNTER_LENGTH

/**
 * What System 5 has others do outside the log: sign a certificate, endorse a change. Each order carries the fencing token of who
 * gives it, and is obeyed only by who has seen no higher one and follows that very leader: one that was paused or cut off, and
 * wakes believing that it still leads, moves nobody. The log itself is fenced by Raft.
 */
export class OrderPlane implements Plane {
  readonly #c: OrderPlaneComponents
  /** Highest obeyed; the term and epoch of this node's own log count besides. */
  #highest: FencingToken = { epoch: 0, term: 0, index: 0 }

  constructor(components: OrderPlaneComponents) {
    this.#c = components
  }

  async call(peer: PeerIdString, method: string, payload: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    if (this.#c.isFenced?.() === false) return this.#c.control.call(peer, method, payload, options)
    const token = this.#c.following()
    if (token === undefined) throw new NotBorneOutError('this node takes no part in decisions now: it gives no orders')
    return this.#c.control.call(peer, method, withToken(token, payload), options)
  }

  notify(peer: PeerIdString, method: string, payload: Uint8Array): boolean {
    return this.#c.control.notify(peer, method, payload)
  }

  handle(method: string, handler: CallHandler): void {
    this.#c.control.handle(method, async (call) => {
      if (this.#c.isFenced?.() === false) return handler(call)
      const [token, payload] = splitToken(call.payload)
      this.#assertInForce(call.peer, method, token)
      return handler({ ...call, payload })
    })
  }

  onNotice(method: string, handler: NoticeHandler): void {
    this.#c.control.onNotice(method, handler)
  }

  #assertInForce(peer: PeerIdString, method: string, token: FencingToken): void {
    const { following, logger } = this.#c
    const now = following()
    const own = now === undefined ? this.#highest : { epoch: now.epoch, term: now.term, index: 0 }
    const seen = isLower(own, this.#highest) ? this.#highest : own
    if (isLower(token, seen)) {
      logger.warn({ peer, method, token, seen }, 'refused an order by a stale token')
      throw new StaleOrderError(`${peer} orders by (${textOf(token)}), and (${textOf(seen)}) was seen here since`, {
        hint: 'Nothing to do: it hears of its successor by itself. If it repeats, see `vsmcp status` on both nodes.',
        details: { token: textOf(token), seen: textOf(seen) },
      })
    }
    // A higher one is not believed either, or any member could make this node deaf for its leader by a number it made up.
    if (now?.leader !== peer || token.term !== now.term || token.epoch !== now.epoch) {
      throw new NotBorneOutError(`${peer} does not lead in (${textOf(token)}), as known here`)
    }
    this.#highest = token
  }
}

function isLower(a: FencingToken, b: FencingToken): boolean {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch
  return a.term === b.term ? a.index < b.index : a.term < b.term
}

const textOf = ({ epoch, term, index }: FencingToken): string => `${epoch}, ${term}, ${index}`

/** @returns the payload behind its token, as it travels */
export function withToken({ epoch, term, index }: FencingToken, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(TOKEN_LENGTH + payload.length)
  const view = new DataView(bytes.buffer)
  for (const [at, value] of [epoch, term, index].entries()) view.setBigUint64(at * COUNTER_LENGTH, BigInt(value))
  bytes.set(payload, TOKEN_LENGTH)
  return bytes
}

function splitToken(bytes: Uint8Array): [FencingToken, Uint8Array] {
  if (bytes.length < TOKEN_LENGTH) throw new InvalidArgumentError('an order must carry a fencing token')
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const [epoch = 0, term = 0, index = 0] = [0, 1, 2].map((at) => Number(view.getBigUint64(at * COUNTER_LENGTH)))
  if (![epoch, term, index].every(Number.isSafeInteger)) throw new InvalidArgumentError('a fencing token is out of bounds')
  return [{ epoch, term, index }, bytes.subarray(TOKEN_LENGTH)]
}
