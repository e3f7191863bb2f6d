import { isInForce, type Proposal, type UnitName } from '@vsmcp/kernel'
import { FENCED_MAX } from './constants.ts'
import type { Listed } from './deliberation.ts'
import type { Governance } from './governance.ts'
import { needOfPerson, type Objection, objectionTo } from './objection.ts'

/** What a unit is to work by in place of what it was attached with. */
export interface Orders {
  readonly weight?: number
  readonly concurrency?: number
  /** One call at a time, whatever else is ordered. */
  readonly isQuarantined?: true
  /** It is not called. */
  readonly isStopped?: true
  /** Ids of the proposals that they come from. */
  readonly by: readonly string[]
}

export interface Refusal extends Objection {
  readonly id: string
  readonly sequence: number
}

export interface Obeyed {
  readonly orders: ReadonlyMap<UnitName, Orders>
  /** Each said once. */
  readonly refusals: readonly Refusal[]
}

/**
 * System 3 of a node, to whom directives come: it obeys those that are in force and in order, and refuses what contradicts the identity or the
 * policies as it reads them itself, whoever gave it. So a leader that lies moves no unit further than a true one might.
 */
export class Obedience {
  /** The highest (epoch, sequence) obeyed, by unit and kind. */
  readonly #fence = new Map<string, readonly [number, number]>()
  readonly #refused = new Set<string>()

  /** @param mine proposals whose directives are for this node */
  step(mine: Listed, governance: Governance, nowMs: number): Obeyed {
    const orders = new Map<UnitName, Orders>()
    const refusals: Refusal[] = []
    const seen = new Set<string>()
    for (const [id, proposal] of inSequence(mine)) {
      const { directive, kind, subject } = proposal
      if (directive === undefined || kind === 'capability' || !isInForce(proposal, nowMs)) continue
      const objection = this.#objectionTo(proposal, governance)
      if (objection === undefined) {
        orders.set(subject, added(orders.get(subject), id, proposal))
        continue
      }
      const name = `${id} ${directive.epoch} ${directive.sequence}`
      seen.add(name)
      if (this.#refused.has(name)) continue
      this.#refused.add(name)
      refusals.push({ id, sequence: directive.sequence, ...objection })
    }
    for (const name of this.#refused) if (!seen.has(name)) this.#refused.delete(name)
    return { orders, refusals }
  }

  /** The refusal was not heard: it is said again. */
  unheard({ id }: Refusal): void {
    for (const name of this.#refused) if (name.startsWith(`${id} `)) this.#refused.delete(name)
  }

  #objectionTo(proposal: Proposal, governance: Governance): Objection | undefined {
    const { directive, kind, subject, decision } = proposal
    if (directive === undefined) return undefined
    const { value, epoch, sequence } = directive
    if (!Number.isFinite(value) || value <= 0) return { clause: 'figures', reason: `${value} is no ${kind}` }
    const objection = objectionTo({ kind, subject, value }, governance)
    if (objection !== undefined) return objection
    if (decision?.verdict !== 'accepted') return { clause: 'decision', reason: 'nobody has decided it' }
    // A second dose is the policies' also where a person gave the first.
    if (decision.by === 'policy' || directive.attempt > 1) {
      const need = needOfPerson({ kind, subject, value }, 1 + proposal.seconds.length, governance.policy)
      if (need !== undefined) return need
    }
    const key = `${kind} ${subject}`
    const [highEpoch, highSequence] = this.#fence.get(key) ?? [0, 0]
    if (epoch < highEpoch || (epoch === highEpoch && sequence < highSequence)) {
      return { clause: 'fence', reason: `a later order for the ${kind} of ${subject} was obeyed already` }
    }
    if (this.#fence.has(key) || this.#fence.size < FENCED_MAX) this.#fence.set(key, [epoch, sequence])
    return undefined
  }
}

/** Later orders take the place of earlier ones. */
function inSequence(mine: Listed): Listed {
  const at = ({ directive }: Proposal): [number, number] => [directive?.epoch ?? 0, directive?.sequence ?? 0]
  return [...mine].sort(([, a], [, b]) => at(a)[0] - at(b)[0] || at(a)[1] - at(b)[1])
}

function added(before: Orders | undefined, id: string, { kind, directive }: Proposal): Orders {
  const value = directive?.value ?? 0
  const by = [...(before?.by ?? []), id]
  if (kind === 'weight') return { ...before, weight: value, by }
  if (kind === 'quarantine') return { ...before, isQuarantined: true, by }
  return { ...before, concurrency: Math.max(1, Math.floor(value)), by }
}
