import { BusyError, type Clock, type Logger, messageOf, type PeerIdString } from '@vsmcp/kernel'
import {
  CONFLICT_POINTS,
  OFFENCE_POINTS,
  OFFENCE_PERIOD_MS,
  OFFENCES_MAX,
  REQUEST_BURST,
  REQUESTS_PER_SECOND,
} from './constants.ts'
import { StateConflictError, StateRejectedError } from './errors.ts'

interface Visitor {
  tokens: number
  filledAtMs: number
  offences: number
  firstOffenceMs: number
  deafUntilMs: number
}

/** Who is heard: members, at a bounded rate, and not those who lately sent rubbish. */
export class Gate {
  readonly #isMember: (peer: PeerIdString) => boolean
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #visitors = new Map<PeerIdString, Visitor>()
  #rejected = 0

  constructor(isMember: (peer: PeerIdString) => boolean, clock: Clock, logger: Logger) {
    this.#isMember = isMember
    this.#clock = clock
    this.#logger = logger
  }

  get rejected(): number {
    return this.#rejected
  }

  hears(peer: PeerIdString): boolean {
    return this.#isMember(peer) && this.#visitor(peer).deafUntilMs <= this.#clock.monotonicMs()
  }

  /** For requests, which cost work to answer. Throws `StateRejectedError`, `BusyError`. */
  admit(peer: PeerIdString): void {
    if (!this.hears(peer)) throw new StateRejectedError('this node does not share its state with you')
    const visitor = this.#visitor(peer)
    const now = this.#clock.monotonicMs()
    const fresh = ((now - visitor.filledAtMs) / 1_000) * REQUESTS_PER_SECOND
    visitor.tokens = Math.min(REQUEST_BURST, visitor.tokens + fresh) - 1
    visitor.filledAtMs = now
    if (visitor.tokens >= 0) return
    visitor.tokens = Math.max(visitor.tokens, -1)
    throw new BusyError('too many requests for the shared state', { hint: 'Ask less often.' })
  }

  /** Notes a message that broke a rule. */
  offend(peer: PeerIdString, error: unknown): void {
    this.#rejected++
    const visitor = this.#visitor(peer)
    const now = this.#clock.monotonicMs()
    if (now - visitor.firstOffenceMs > OFFENCE_PERIOD_MS) {
      visitor.firstOffenceMs = now
      visitor.offences = 0
    }
    const isFirst = visitor.offences === 0
    visitor.offences += error instanceof StateConflictError ? CONFLICT_POINTS : OFFENCE_POINTS
    if (isFirst) this.#logger.warn({ peer, reason: messageOf(error) }, 'shared state: rejected a message')
    if (visitor.offences < OFFENCES_MAX || visitor.deafUntilMs > now) return
    visitor.deafUntilMs = now + OFFENCE_PERIOD_MS
    this.#logger.error({ peer, reason: messageOf(error) }, 'shared state: peer ignored for a minute')
  }

  /** Forgets peers that are members no longer: the map is as long as the group at most. */
  prune(): void {
    for (const peer of this.#visitors.keys()) if (!this.#isMember(peer)) this.#visitors.delete(peer)
  }

  #visitor(peer: PeerIdString): Visitor {
    const known = this.#visitors.get(peer)
    if (known !== undefined) return known
    const now = this.#clock.monotonicMs()
    const visitor = { tokens: REQUEST_BURST, filledAtMs: now, offences: 0, firstOffenceMs: now, deafUntilMs: 0 }
    if (this.#isMember(peer)) this.#visitors.set(peer, visitor)
    return visitor
  }
}
