import type { ProposalKind } from '@vsmcp/kernel'
import type { GroupDirective } from '../recursion/parent-record.ts'
import type { Governance, Identity, Policy } from './governance.ts'
import { matches } from './name-pattern.ts'

/** Why something must not be, and which clause says so. */
export interface Objection {
  readonly clause: string
  readonly reason: string
}

/** What is asked, or ordered, as far as identity and policy judge it. */
export interface Wanted {
  readonly kind: ProposalKind
  readonly subject: string
  readonly value: number
}

/** What no policy, no person and no leader can order, for who the group is. */
export function objectionOfIdentity({ kind, subject, value }: Wanted, identity: Identity): Objection | undefined {
  if (kind === 'quarantine' && identity.keep.includes(subject)) {
    return { clause: 'identity.keep', reason: `the identity keeps ${subject}: nothing is taken from it` }
  }
  if (kind === 'weight' && value < 1 && identity.keep.includes(subject)) {
    return { clause: 'identity.keep', reason: `the identity keeps ${subject}: it weighs no less than any other` }
  }
  const { concurrencyMax } = identity
  if (kind === 'concurrency' && concurrencyMax !== null && value > concurrencyMax) {
    return {
      clause: 'identity.concurrencyMax',
      reason: `by the identity no unit works on more than ${concurrencyMax} calls at once`,
    }
  }
  const pattern = kind === 'capability' ? identity.never.find((each) => matches(each, subject)) : undefined
  return pattern === undefined ? undefined : { clause: 'identity.never', reason: `by the identity ${pattern} is never sought` }
}

/** What the policies in force give to nobody. */
export function objectionOfCeiling({ kind, value }: Wanted, policy: Policy): Objection | undefined {
  const most = kind === 'weight' ? policy.weightMax : kind === 'concurrency' ? policy.concurrencyMax : Infinity
  if (value <= most) return undefined
  return { clause: `policy.${kind}Max`, reason: `${value} is asked for, and the policies give nobody a ${kind} above ${most}` }
}

/** What is not decided without a person. */
export function needOfPerson({ kind, value }: Wanted, witnesses: number, { accept }: Policy): Objection | undefined {
  const clause = 'policy.accept'
  if (kind === 'weight' && value > accept.weight) {
    return { clause, reason: `a weight above ${accept.weight} is for a person to give` }
  }
  if (kind === 'concurrency' && value > accept.concurrency) {
    return {
      clause,
      reason: `more than ${accept.concurrency} calls at once, beyond what it was attached with, are for a person to give`,
    }
  }
  if (kind === 'quarantine' && witnesses < accept.witnesses) {
    return { clause, reason: `${witnesses} of ${accept.witnesses} nodes found it: until then a person decides` }
  }
  return kind === 'capability' && !accept.capability
    ? { clause, reason: 'whether a tool is sought is for a person to say' }
    : undefined
}

/** What the groups above allow nobody below them. */
export function objectionFromAbove({ kind, subject, value }: Wanted, above: readonly GroupDirective[]): Objection | undefined {
  for (const { by, order } of above) {
    const clause = `above.${order.kind}`
    if (order.kind === 'never' && kind === 'capability') {
      const pattern = order.tools.find((each) => matches(each, subject))
      if (pattern !== undefined) return { clause, reason: `by the group ${by}, above this one, ${pattern} is never sought` }
    }
    const most = kind === 'concurrency' || kind === 'weight' ? mostBy(order, kind) : Infinity
    if (value > most) {
      return { clause, reason: `the group ${by}, above this one, gives nobody below it a ${kind} above ${most}` }
    }
  }
  return undefined
}

function mostBy(order: GroupDirective['order'], kind: 'concurrency' | 'weight'): number {
  if (order.kind === 'ceiling') return order[kind] ?? Infinity
  return order.kind === kind ? order.most : Infinity
}

/** Identity, ceilings, and what those above hold the group to; while the identity cannot be read, everything is refused. */
export function objectionTo(wanted: Wanted, { identity, policy, above }: Governance): Objection | undefined {
  if (identity === undefined) return { clause: 'identity', reason: 'the identity of the group cannot be read' }
  return objectionOfIdentity(wanted, identity) ?? objectionOfCeiling(wanted, policy) ?? objectionFromAbove(wanted, above)
}
