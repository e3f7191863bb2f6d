import type { ApiClient } from '../../../packages/api/src/index.ts'

/** Decisions that the group acknowledged: each must be found again on every node, whatever happens afterwards. */
export class Ledger {
  readonly #invitations = new Map<string, string>()

  /** Has an invitation decided by way of a node, and writes it down once acknowledged. @returns its id */
  async invite(by: string, api: ApiClient): Promise<string> {
    const { id } = await api.createInvitation({ role: 'member', ttlMs: 60 * 60_000, uses: 1 })
    this.#invitations.set(id, by)
    return id
  }

  get size(): number {
    return this.#invitations.size
  }

  /** What a node does not know of what was acknowledged. */
  async missingAt(api: ApiClient): Promise<string[]> {
    // Only what was acknowledged before the question: what comes meanwhile may or may not be in the answer.
    const acknowledged = [...this.#invitations]
    const present = new Set((await api.invitations()).map(({ id }) => id))
    return acknowledged.filter(([id]) => !present.has(id)).map(([id, by]) => `${id} (acknowledged by ${by})`)
  }
}
