import {
  isInForce,
  isStanding,
  isUndecided,
  type PeerIdString,
  type Proposal,
  type ProposalContent,
  proposalKey,
} from '@vsmcp/kernel'
import type { ClosureStep } from './closure.ts'
import { OWN_LEDGER_MAX, OWN_PAUSE_MS } from './constants.ts'
import type { Listed } from './deliberation.ts'
import type { Policy } from './governance.ts'
import type { Ruling } from './ruling.ts'

/**
 * What a node's Systems 3 and 4 propose to its own System 5, and what became of it: for one node what the docket is for the group, with the
 * same deliberation. It needs no quorum, so a node that is cut off goes on deciding for itself.
 */
export class OwnLedger {
  readonly #self: PeerIdString
  readonly #records = new Map<string, Proposal>()
  #sequence = 0

  constructor(self: PeerIdString, stored: Listed = []) {
    this.#self = self
    for (const [id, record] of stored.slice(-OWN_LEDGER_MAX)) {
      this.#records.set(id, record)
      this.#sequence = Math.max(this.#sequence, record.directive?.sequence ?? 0)
    }
  }

  list(): Listed {
    return [...this.#records]
  }

  get(id: string): Proposal | undefined {
    return this.#records.get(id)
  }

  /** @returns whether it is taken: not while the same waits, is in force or was decided just now */
  make(id: string, content: ProposalContent, nowMs: number): boolean {
    const key = proposalKey(content)
    const alike = [...this.#records].filter(([, record]) => proposalKey(record) === key)
    const open = alike.find(([, record]) => isUndecided(record))
    if (open !== undefined) {
      this.#records.set(open[0], { ...open[1], ...content, expiresAtMs: open[1].expiresAtMs })
      return true
    }
    const isTooSoon = alike.some(
      ([, record]) =>
        isStanding(record, content.asked, nowMs) ||
        nowMs - (record.closure ?? record.decision ?? { atMs: 0 }).atMs < OWN_PAUSE_MS,
    )
    if (isTooSoon || !this.#hasRoom(nowMs)) return false
    this.#records.set(id, { ...content, peer: this.#self, seconds: [], proposedAtMs: nowMs })
    return true
  }

  decide(id: string, { verdict, clause, reason }: Ruling, policy: Pick<Policy, 'holdMs' | 'checkMs'>, nowMs: number): void {
    const record = this.#records.get(id)
    if (record === undefined || !isUndecided(record)) return
    const latencyMs = Math.max(0, nowMs - record.proposedAtMs)
    const decision = { verdict, by: 'policy' as const, author: this.#self, clause, reason, latencyMs, evidence: '', atMs: nowMs }
    const directive = this.#directive(record.asked, 1, policy, nowMs)
    this.#records.set(id, { ...record, decision, ...(verdict === 'accepted' ? { directive } : {}) })
  }

  /** What became of the directive. */
  close(id: string, step: ClosureStep, policy: Pick<Policy, 'holdMs' | 'checkMs'>, nowMs: number): void {
    const record = this.#records.get(id)
    if (record?.directive === undefined) return
    if (step.type === 'renew') {
      const directive = this.#directive(step.value, record.directive.attempt + 1, policy, nowMs)
      this.#records.set(id, { ...record, directive })
      return
    }
    const measured = step.type === 'lapsed' ? {} : { measured: step.measured }
    this.#records.set(id, { ...record, closure: { outcome: step.type, ...measured, reason: step.reason, atMs: nowMs } })
  }

  /** This node does not obey itself: what was decided contradicts what is in force by now. */
  refuse(id: string, reason: string, nowMs: number): void {
    const record = this.#records.get(id)
    if (record?.directive !== undefined)
      this.#records.set(id, { ...record, closure: { outcome: 'refused', reason, atMs: nowMs } })
  }

  #directive(value: number, attempt: number, { holdMs, checkMs }: Pick<Policy, 'holdMs' | 'checkMs'>, nowMs: number) {
    const sequence = ++this.#sequence
    return { value, epoch: 1, sequence, attempt, givenAtMs: nowMs, checkAtMs: nowMs + checkMs, expiresAtMs: nowMs + holdMs }
  }

  /** Those over longest make room; what waits and what is in force stays. */
  #hasRoom(nowMs: number): boolean {
    if (this.#records.size < OWN_LEDGER_MAX) return true
    const over = [...this.#records].find(([, record]) => !isUndecided(record) && !isInForce(record, nowMs))
    if (over === undefined) return false
    this.#records.delete(over[0])
    return true
  }
}

/** Whose decision it is: what concerns nobody but the node itself, within what the policies leave to it, is its own. */
export function isOwnAffair({ kind, asked }: Pick<ProposalContent, 'kind' | 'asked'>, { nodeWeight }: Policy): boolean {
  return kind === 'weight' && asked <= nodeWeight
}
