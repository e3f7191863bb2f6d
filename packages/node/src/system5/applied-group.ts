import {
  type ApplyResult,
  applyEntry,
  type Authority,
  decodeGroupState,
  encodeOperation,
  type Entry,
  type GroupEffect,
  type GroupState,
  InvalidMessageError,
  type Operation,
  type Snapshot,
} from '@vsmcp/consensus'

export interface AppliedEntry {
  index: number
  term: number
  /** As carried: the operation, unless it is a change of configuration. */
  data: Uint8Array
  before: GroupState
  state: GroupState
  effects: readonly GroupEffect[]
}

export interface InstalledState {
  before: GroupState | undefined
  state: GroupState
}

/**
 * The group's state as of the last entry applied here. What was committed once is committed for ever, so it outlives the Raft node
 * that committed it: what a new one commits again up to there is passed over.
 */
export class AppliedGroup {
  readonly #authority: Authority
  #state: GroupState | undefined
  #index = 0
  #term = 0

  /** @param authority what proofs in entries are checked with (rule 5) */
  constructor(authority: Authority) {
    this.#authority = authority
  }

  /** Undefined until the first snapshot. */
  get state(): GroupState | undefined {
    return this.#state
  }

  /** Of the last entry that `state` holds. */
  get index(): number {
    return this.#index
  }

  get term(): number {
    return this.#term
  }

  /** @returns undefined for a snapshot of what is applied already */
  install({ index, term, data }: Snapshot): InstalledState | undefined {
    if (index <= this.#index) return undefined
    const before = this.#state
    const state = decodeGroupState(data)
    this.#state = state
    this.#index = index
    this.#term = term
    return { before, state }
  }

  /** @returns undefined for an entry that is applied already */
  apply(entry: Entry): { applied: AppliedEntry; result: ApplyResult } | undefined {
    const { index, term, data } = entry
    if (index <= this.#index) return undefined
    const before = this.#state
    if (before === undefined) throw new InvalidMessageError('the log has entries but no state to apply them to')
    const { state, result, effects } = applyEntry(before, entry, this.#authority)
    this.#state = state
    this.#index = index
    this.#term = term
    return { applied: { index, term, data, before, state, effects }, result }
  }

  /** What an operation would do as the next entry; undefined before the first snapshot. */
  foresee(operation: Operation, term: number): ApplyResult | undefined {
    if (this.#state === undefined) return undefined
    const entry: Entry = { index: this.#index + 1, term, type: 'normal', data: encodeOperation(operation) }
    return applyEntry(this.#state, entry, this.#authority).result
  }

  /** The log is another one, of a later epoch: its entries count from the beginning. The state stands until its first snapshot. */
  beginAnew(): void {
    this.#index = 0
    this.#term = 0
  }
}
