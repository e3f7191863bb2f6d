import type { Proposal } from '@vsmcp/kernel'
import { type ClosureStep, organ } from '@vsmcp/vsm'
import type { Algedonic } from '../../algedonic/algedonic.ts'

/** A directive without effect hurts System 5 itself, until one about the same has had its effect. */
export function feelClosure(algedonic: Pick<Algedonic, 'feel' | 'relieve'>, proposal: Proposal, step: ClosureStep): void {
  const { kind, subject } = proposal
  const source = organ('system5', kind === 'capability' ? undefined : subject)
  const pain = { source, subject: `what System 5 decided for ${subject} has no effect (${kind})` }
  if (step.type === 'met') algedonic.relieve(pain, step.reason)
  if (step.type !== 'unmet') return
  algedonic.feel({ ...pain, feeling: 'pain', severity: 'high', text: `${step.reason}. See "vsmcp proposals".` })
}
