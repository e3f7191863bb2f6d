import { InvariantBrokenError } from './errors.ts'
import { type Call, checkLinearizable, type SequentialModel } from './linearizability.ts'
import { ORDER_STEPS_MAX } from './constants.ts'

/** A group's policies, as clients see them. */
export interface Policies {
  readonly version: number
  readonly value: number
}

export type PolicyInput = { readonly kind: 'set'; readonly expects: number; readonly value: number } | { readonly kind: 'read' }

export type PolicyOutput = { readonly kind: 'set' } | { readonly kind: 'refused' } | ({ readonly kind: 'read' } & Policies)

/** What one machine that never fails would answer. */
export const POLICY_MODEL: SequentialModel<Policies, PolicyInput, PolicyOutput> = {
  initial: { version: 1, value: 0 },
  step(state, input, output) {
    const answer = output?.value
    if (input.kind === 'read') {
      const same =
        answer === undefined || (answer.kind === 'read' && answer.version === state.version && answer.value === state.value)
      return same ? state : undefined
    }
    const fits = input.expects === state.version
    if (answer !== undefined && answer.kind !== (fits ? 'set' : 'refused')) return undefined
    return fits ? { version: state.version + 1, value: input.value } : state
  },
  key: ({ version, value }) => `${version}=${value}`,
}

interface Open {
  readonly input: PolicyInput
  readonly calledAt: number
  answer?: { readonly output: PolicyOutput; readonly at: number }
  /** It is known that it took no effect. */
  void: boolean
}

/** All that clients asked of the policies in one life, and what they were told. */
export class PolicyHistory {
  readonly #calls: Open[] = []
  readonly #initial: Policies
  #clock = 0

  constructor(initial: Policies) {
    this.#initial = initial
  }

  get answered(): number {
    return this.#calls.filter(({ answer }) => answer !== undefined).length
  }

  /** @returns what to do with the answer, or, without one, that the call surely had no effect */
  call(input: PolicyInput): (output: PolicyOutput | 'void') => void {
    const open: Open = { input, calledAt: this.#clock++, void: false }
    this.#calls.push(open)
    return (output) => {
      if (output === 'void') open.void = true
      else open.answer ??= { output, at: this.#clock++ }
    }
  }

  calls(): readonly Call<PolicyInput, PolicyOutput>[] {
    // A read that nobody answered says nothing.
    return this.#calls.filter((call) => !call.void && (call.input.kind === 'set' || call.answer !== undefined))
  }

  /** Throws `InvariantBrokenError` when no order of the calls explains the answers. @returns whether the search came to an end */
  check(): boolean {
    const calls = this.calls()
    const verdict = checkLinearizable({ ...POLICY_MODEL, initial: this.#initial }, calls, ORDER_STEPS_MAX)
    if (verdict.linearizable !== false) return verdict.linearizable === true
    const stuck = calls[verdict.stuckAt]
    throw new InvariantBrokenError(
      'linearizability',
      `no order of ${calls.length} calls explains ${JSON.stringify(stuck?.answer?.output)} to ${JSON.stringify(stuck?.input)}`,
    )
  }
}
