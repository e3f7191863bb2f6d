import { BusyError, type Clock, type PeerIdString } from '@vsmcp/kernel'
import { AttemptLimiter } from '@vsmcp/security'
import { CHAINS_SHOWN_COUNTED_MAX, CHAINS_SHOWN_PER_MINUTE, CHAINS_SHOWN_PER_MINUTE_IN_ALL } from '../constants.ts'

/** Counts requests of members that carry a chain of voters, before any of it is verified: that costs signatures. */
export class ChainsShown {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #limiter = new AttemptLimiter({
    perMinute: CHAINS_SHOWN_PER_MINUTE,
    perMinuteInAll: CHAINS_SHOWN_PER_MINUTE_IN_ALL,
    keysMax: CHAINS_SHOWN_COUNTED_MAX,
  })

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
  }

  /** Throws `BusyError` for a member that shows some without end. */
  count(peer: PeerIdString): void {
    if (this.#limiter.allow([peer], this.#clock.monotonicMs())) return
    throw new BusyError(`${peer} shows chains of voters too often`, { hint: 'Nothing was done. It is asked again by itself.' })
  }
}
