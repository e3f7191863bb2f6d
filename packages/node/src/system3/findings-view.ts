import { type Clock, isoTime, type PeerIdString } from '@vsmcp/kernel'
import type { FindingView } from './contract.ts'
import type { Members } from '../members/members.ts'
import type { Auditing } from '../system3star/auditing.ts'
import { type Performance, said } from './performance.ts'

export interface FindingsViewComponents {
  members: Pick<Members, 'isAlive'>
  auditing: Pick<Auditing, 'findings'>
  performance: Pick<Performance, 'groupExceptions'>
  nameOf: (peer: PeerIdString) => string
  clock: Clock
}

/** System 3's list: what units of the group owe and do not deliver, and what audits by this node found elsewhere. The newest first. */
export function findingsView({ members, auditing, performance, nameOf, clock }: FindingsViewComponents): FindingView[] {
  // Audits go by the monotonic clock; people do not.
  const wall = (atMs: number): string => isoTime(clock.wallMs() - clock.monotonicMs() + atMs)
  const exceptions = performance
    .groupExceptions((node) => members.isAlive(node))
    .map(({ node, unit, metric, target, measured, sinceMs, isGrave }): FindingView => ({
      system: 'system3',
      unit,
      node,
      nodeName: nameOf(node),
      kind: metric,
      claimed: said(metric, target),
      measured: said(metric, measured),
      grave: isGrave,
      audits: null,
      foundAt: isoTime(sinceMs),
      overAt: null,
    }))
  const audits = auditing.findings.map(
    ({ unit, node, kind, claimed, measured, audits: count, foundMs, overMs }): FindingView => ({
      system: 'system3*',
      unit: unit ?? null,
      node,
      nodeName: nameOf(node),
      kind,
      claimed,
      measured,
      grave: true,
      audits: count,
      foundAt: wall(foundMs),
      overAt: overMs === undefined ? null : wall(overMs),
    }),
  )
  return [...exceptions, ...audits].sort((a, b) => (a.foundAt < b.foundAt ? 1 : -1))
}
