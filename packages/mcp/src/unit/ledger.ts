import type { CallerAccount, PeerIdString } from '@vsmcp/kernel'
import type { CallOutcome } from './call.ts'
import { CALLERS_MAX } from './constants.ts'

type Kind = 'answered' | 'refused' | 'unanswered' | 'cancelled' | 'turnedAway' | 'notSent'

const KIND_OF: Readonly<Record<CallOutcome, Kind>> = {
  answered: 'answered',
  refused: 'refused',
  deadline: 'unanswered',
  died: 'unanswered',
  'too-large': 'unanswered',
  cancelled: 'cancelled',
  'not-sent': 'notSent',
}

/** Those beyond `CALLERS_MAX`, together; no PeerId begins like this. */
const OTHERS = '*'

/** How a unit's requests ended, in all and by caller. */
export class Ledger {
  readonly counts: Record<Kind, number> = {
    answered: 0,
    refused: 0,
    unanswered: 0,
    cancelled: 0,
    turnedAway: 0,
    notSent: 0,
  }
  readonly #accounts = new Map<PeerIdString, { answered: number; refused: number; latencyMs: number }>()

  get accounts(): ReadonlyMap<PeerIdString, CallerAccount> {
    return this.#accounts
  }

  ended(caller: PeerIdString, outcome: CallOutcome, latencyMs: number): void {
    this.counts[KIND_OF[outcome]]++
    if (outcome !== 'answered' && outcome !== 'refused') return
    const account = this.#accountOf(caller)
    account[outcome]++
    account.latencyMs += latencyMs
  }

  /** It was never sent. */
  leftQueue(kind: 'turnedAway' | 'cancelled'): void {
    this.counts[kind]++
  }

  #accountOf(caller: PeerIdString): { answered: number; refused: number; latencyMs: number } {
    const known = this.#accounts.get(caller)
    if (known !== undefined) return known
    const key = this.#accounts.size < CALLERS_MAX ? caller : OTHERS
    const account = this.#accounts.get(key) ?? { answered: 0, refused: 0, latencyMs: 0 }
    this.#accounts.set(key, account)
    return account
  }
}
