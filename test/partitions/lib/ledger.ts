import type { ApiClient } from '../../../packages/api/src/index.ts'
import { operatorSigner } from '../../../packages/node/src/index.ts'

/** The charter keeps so many changes of the policies; older ones cannot be looked up. */
const POLICY_CHANGES_KEPT = 50

/** As a node shows it. */
export type Charter = Awaited<ReturnType<ApiClient['charter']>>

interface PolicyChange {
  by: string
  version: number
  reason: string
}

/** Decisions that the group acknowledged: each must be found again on every node, whatever happens afterwards. */
export class Ledger {
  readonly #operatorKey: string
  readonly #invitations = new Map<string, string>()
  readonly #policies: PolicyChange[] = []
  #count = 0
  #pruned = 0

  /** @param operatorKey file of the key that signs changes of the policies */
  constructor(operatorKey: string) {
    this.#operatorKey = operatorKey
  }

  /** Has an invitation decided by way of a node, and writes it down once acknowledged. @returns its id */
  async invite(by: string, api: ApiClient): Promise<string> {
    const { id } = await api.createInvitation({ role: 'member', ttlMs: 60 * 60_000, uses: 1 })
    this.#invitations.set(id, by)
    return id
  }

  /** Has the policies changed by way of a node, and writes the change down once acknowledged. @param charter as known so far */
  async setPolicy(by: string, api: ApiClient, charter?: Charter): Promise<void> {
    const known = charter ?? (await api.charter())
    const reason = `change ${++this.#count}`
    const signer = await operatorSigner(this.#operatorKey, known)
    const expects = known.policyVersion
    const signed = { op: 'policy:set', policies: { change: this.#count }, expects, reason, signedAtMs: Date.now() } as const
    await api.changeCharter(signer.sign(signed))
    this.#policies.push({ by, version: expects + 1, reason })
  }

  /** Takes back the oldest invitations beyond so many: a group keeps 1,000 open ones at the most. */
  async prune(keep: number, api: ApiClient): Promise<void> {
    const oldest = [...this.#invitations.keys()].slice(0, Math.max(0, this.#invitations.size - keep))
    for (const id of oldest) {
      await api.revokeInvitation(id)
      this.#invitations.delete(id)
    }
    this.#pruned += oldest.length
  }

  get size(): number {
    return this.#pruned + this.#invitations.size + this.#policies.length
  }

  /** What a node does not know of what was acknowledged. */
  async missingAt(api: ApiClient): Promise<string[]> {
    // Only what was acknowledged before the question: what comes meanwhile may or may not be in the answer.
    const invitations = [...this.#invitations]
    const present = new Set((await api.invitations()).map(({ id }) => id))
    return [
      ...invitations.filter(([id]) => !present.has(id)).map(([id, by]) => `${id} (acknowledged by ${by})`),
      ...(await this.#policiesMissingAt(api)),
    ]
  }

  async #policiesMissingAt(api: ApiClient): Promise<string[]> {
    const acknowledged = [...this.#policies]
    const { current, policyVersion, policyHistory } = await api.charter()
    // It says itself that it may not be the newest.
    if (!current) return []
    return acknowledged
      .filter(({ version }) => version > policyVersion - POLICY_CHANGES_KEPT)
      .filter(({ version, reason }) => !policyHistory.some((one) => one.version === version && one.reason === reason))
      .map(({ version, reason, by }) => `policies version ${version}, "${reason}" (acknowledged by ${by})`)
  }
}
