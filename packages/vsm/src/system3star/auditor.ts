import type { PeerIdString, Random, UnitName } from '@vsmcp/kernel'
import type { Refusal } from '../system1/report-judge.ts'
import type { MeasuredReport, UnitReport } from '../system1/unit-report.ts'
import { AuditTimes } from './audit-times.ts'
import { claimedBetween, compare } from './comparison.ts'
import {
  AUDIT_MEAN_MS,
  AUDITED_KEPT_MS,
  AUDITED_MAX,
  BAD_REPORTS,
  EDGE_MS,
  FINDINGS_MAX,
  FOLLOW_UP_SHARE,
  P_MIN,
} from './constants.ts'
import { Evidence, type KeptEvidence } from './evidence.ts'
import { type OwnCall, OwnRecord } from './own-record.ts'

export type FindingKind = 'calls' | 'errors' | 'latency' | 'definitions' | 'reports'

/** What a sporadic audit saw, against what was reported (System 3*). */
export interface Finding {
  /** Absent when it is about all that a node reports. */
  readonly unit: UnitName | undefined
  readonly node: PeerIdString
  readonly kind: FindingKind
  readonly claimed: string
  readonly measured: string
  /** Audits that led to it. */
  readonly audits: number
  readonly foundMs: number
  /** When later audits found nothing to remark any more. */
  readonly overMs: number | undefined
}

export type AuditEffect =
  /** Ask the unit itself, past what its host reports: `probed` is to follow. */
  | { readonly type: 'probe'; readonly unit: UnitName; readonly node: PeerIdString }
  | { readonly type: 'found'; readonly finding: Finding }
  | { readonly type: 'over'; readonly finding: Finding }

/** A unit elsewhere that this node can call. */
export interface Auditable {
  readonly unit: UnitName
  readonly node: PeerIdString
}

interface Audited {
  readonly at: Auditable
  /** When it was there last. */
  seenMs: number
  readonly record: OwnRecord
  /** The report that the next comparison begins with. */
  base: { report: MeasuredReport; heardMs: number } | undefined
  /** Probed at that time: the first report heard long enough afterwards is compared. */
  probedMs: number | undefined
  readonly evidence: Map<FindingKind, Evidence>
}

/** What audits have come to, times as milliseconds before it was taken. */
export interface AuditorSnapshot {
  readonly evidence: readonly (KeptEvidence & Auditable & { readonly kind: FindingKind })[]
  readonly findings: readonly (Pick<Finding, 'node' | 'kind' | 'claimed' | 'measured' | 'audits'> & {
    readonly unit: UnitName | null
    readonly foundAgoMs: number
    readonly overAgoMs: number | null
  })[]
}

export interface AuditorInit {
  readonly self: PeerIdString
  /** Must not be known to whom is audited. */
  readonly random: Random
  /** @default 60_000 */
  readonly meanMs?: number
  readonly nowMs: number
  /** Of an earlier life, and how long ago it was taken. */
  readonly kept?: { readonly state: AuditorSnapshot; readonly agoMs: number }
}

/**
 * System 3* of one node: looks at units of other nodes at times nobody can foresee, straight, past their reports. Every node audits, so
 * that a host does not know who looks. What it cannot see: a host that tells every caller the truth about its own calls and lies about
 * those of a caller who does not look, itself above all; and one that answers a probe otherwise than a call.
 */
export class Auditor {
  readonly #self: PeerIdString
  readonly #random: Random
  readonly #times: AuditTimes
  /** By unit and node: each provider of a unit is audited for itself. */
  readonly #units = new Map<string, Audited>()
  readonly #findings = new Map<string, Finding>()
  #lookedMs: number
  /** Refused reports by node that have led to a finding already. */
  readonly #badReports = new Map<PeerIdString, number>()

  constructor({ self, random, meanMs = AUDIT_MEAN_MS, nowMs, kept }: AuditorInit) {
    this.#self = self
    this.#random = random
    this.#lookedMs = nowMs
    this.#times = new AuditTimes(random, meanMs, nowMs)
    if (kept !== undefined) this.#restore(kept.state, nowMs - kept.agoMs)
  }

  get findings(): readonly Finding[] {
    return [...this.#findings.values()]
  }

  /** Reports and calls that a comparison begins with are not in it: the next ones begin another. */
  snapshot(nowMs: number): AuditorSnapshot {
    const evidence = [...this.#units.values()].flatMap(({ at: { unit, node }, evidence: all }) =>
      [...all].map(([kind, each]) => ({ unit, node, kind, ...each.snapshot() })),
    )
    const findings = this.findings.map(({ unit, foundMs, overMs, ...finding }) => ({
      ...finding,
      unit: unit ?? null,
      foundAgoMs: nowMs - foundMs,
      overAgoMs: overMs === undefined ? null : nowMs - overMs,
    }))
    return { evidence, findings }
  }

  #restore({ evidence, findings }: AuditorSnapshot, takenMs: number): void {
    for (const { unit, node, kind, ...kept } of evidence) this.#auditedOf({ unit, node })?.evidence.set(kind, new Evidence(kept))
    for (const { unit, foundAgoMs, overAgoMs, ...about } of findings) {
      const overMs = overAgoMs === null ? undefined : takenMs - overAgoMs
      const finding = { ...about, unit: unit ?? undefined, foundMs: takenMs - foundAgoMs, overMs }
      this.#findings.set(keyOf(finding), finding)
      this.#makeRoom()
    }
  }

  /** A call of this node has ended. */
  called({ unit, node }: Auditable, call: OwnCall, nowMs: number): void {
    this.#auditedOf({ unit, node })?.record.add(call, nowMs)
  }

  /** A report that was taken. */
  heard(node: PeerIdString, { unit, measured }: UnitReport, nowMs: number): readonly AuditEffect[] {
    if (measured === undefined) return []
    const audited = this.#auditedOf({ unit, node })
    if (audited === undefined) return []
    const { base, probedMs } = audited
    if (base === undefined || base.report.life !== measured.life) {
      audited.base = { report: measured, heardMs: nowMs }
      return []
    }
    if (probedMs === undefined || nowMs < probedMs + 2 * EDGE_MS) return []
    audited.probedMs = undefined
    audited.base = { report: measured, heardMs: nowMs }
    const claimed = claimedBetween(this.#self, base.report, measured)
    const seen = audited.record.between(base.heardMs, nowMs, EDGE_MS)
    if (claimed === undefined || seen === undefined) return []
    return compare(claimed, seen).flatMap(({ kind, claimed: said, measured: saw, p }) =>
      this.#weigh({ unit, node }, kind, p, textOf(kind, said), textOf(kind, saw), nowMs),
    )
  }

  /**
   * When the time has come, one of the units is to be probed: more often than not one that is suspected already, else any. Which one depends
   * on audits of before only, so that the evidence means what it says however they are chosen.
   */
  tick(units: readonly Auditable[], nowMs: number): readonly AuditEffect[] {
    this.#keepOnly(units, nowMs)
    if (units.length === 0 || !this.#times.isDue(nowMs)) return []
    const suspects = units.filter((at) => this.#suspects(at))
    const among = suspects.length > 0 && this.#random.next() < FOLLOW_UP_SHARE ? suspects : units
    const chosen = among[Math.floor(this.#random.next() * among.length)]
    return chosen === undefined ? [] : [{ type: 'probe', ...chosen }]
  }

  /**
   * The unit was probed.
   * @param published digest of its tools as its host publishes them
   * @param listed digest of its tools as it listed them itself; undefined when it gave no list
   */
  probed({ unit, node }: Auditable, published: string, listed: string | undefined, nowMs: number): readonly AuditEffect[] {
    const audited = this.#auditedOf({ unit, node })
    if (audited === undefined) return []
    // Of two probes one after the other the first counts, or the report after them would never come.
    audited.probedMs ??= nowMs
    if (listed === undefined) return []
    return this.#weigh({ unit, node }, 'definitions', published === listed ? 1 : P_MIN, published, listed, nowMs)
  }

  /** How many reports of that node were refused so far, and why: those that no honest host makes are held against it. */
  refused(node: PeerIdString, counts: Readonly<Record<Refusal, number>>, nowMs: number): readonly AuditEffect[] {
    const bad = counts.malformed + counts.absurd + counts.contradictory
    const known = this.#badReports.get(node)
    if (bad === known) return []
    if (known === undefined && bad < BAD_REPORTS) return []
    this.#badReports.set(node, bad)
    const why = (['contradictory', 'absurd', 'malformed'] as const).filter((refusal) => counts[refusal] > 0)
    const measured = why.map((refusal) => `${counts[refusal]} ${refusal}`).join(', ')
    return this.#find({ unit: undefined, node, kind: 'reports' }, 'reports of its units', measured, bad, nowMs)
  }

  #suspects(at: Auditable): boolean {
    return [...(this.#auditedOf(at)?.evidence.values() ?? [])].some(({ suspects }) => suspects)
  }

  #weigh(
    { unit, node }: Auditable,
    kind: FindingKind,
    p: number,
    claimed: string,
    measured: string,
    nowMs: number,
  ): AuditEffect[] {
    const audited = this.#auditedOf({ unit, node })
    if (audited === undefined) return []
    const evidence = audited.evidence.get(kind) ?? new Evidence()
    audited.evidence.set(kind, evidence)
    const turn = evidence.add(p)
    if (turn === 'accused') return this.#find({ unit, node, kind }, claimed, measured, evidence.audits, nowMs)
    return turn === 'cleared' ? this.#end(keyOf({ unit, node, kind }), nowMs) : []
  }

  #find(
    about: Pick<Finding, 'unit' | 'node' | 'kind'>,
    claimed: string,
    measured: string,
    audits: number,
    nowMs: number,
  ): AuditEffect[] {
    const key = keyOf(about)
    const before = this.#findings.get(key)
    const finding: Finding = { ...about, claimed, measured, audits, foundMs: nowMs, overMs: undefined }
    const isKnown = before !== undefined && before.overMs === undefined
    this.#findings.delete(key)
    this.#findings.set(key, isKnown ? { ...finding, foundMs: before.foundMs } : finding)
    this.#makeRoom()
    return isKnown ? [] : [{ type: 'found', finding }]
  }

  #end(key: string, nowMs: number): AuditEffect[] {
    const finding = this.#findings.get(key)
    if (finding === undefined || finding.overMs !== undefined) return []
    const over = { ...finding, overMs: nowMs }
    this.#findings.set(key, over)
    return [{ type: 'over', finding: over }]
  }

  #makeRoom(): void {
    if (this.#findings.size <= FINDINGS_MAX) return
    const over = [...this.#findings].find(([, { overMs }]) => overMs !== undefined) ?? [...this.#findings][0]
    if (over !== undefined) this.#findings.delete(over[0])
  }

  #auditedOf({ unit, node }: Auditable): Audited | undefined {
    const known = this.#units.get(auditedKey({ unit, node }))
    if (known !== undefined) return known
    if (node === this.#self || this.#units.size >= AUDITED_MAX) return undefined
    const at = { unit, node }
    const audited: Audited = {
      at,
      seenMs: this.#lookedMs,
      record: new OwnRecord(),
      base: undefined,
      probedMs: undefined,
      evidence: new Map(),
    }
    this.#units.set(auditedKey({ unit, node }), audited)
    return audited
  }

  /** Who is away for a while comes back to the same record. */
  #keepOnly(units: readonly Auditable[], nowMs: number): void {
    this.#lookedMs = nowMs
    for (const at of units) {
      const audited = this.#units.get(auditedKey(at))
      if (audited !== undefined) audited.seenMs = nowMs
    }
    for (const [key, { seenMs }] of this.#units) if (nowMs - seenMs > AUDITED_KEPT_MS) this.#units.delete(key)
  }
}

const auditedKey = ({ unit, node }: Auditable): string => `${unit} ${node}`

function keyOf({ unit, node, kind }: Pick<Finding, 'unit' | 'node' | 'kind'>): string {
  return JSON.stringify([node, unit ?? '', kind])
}

function textOf(kind: FindingKind, value: number): string {
  return kind === 'latency' ? `${value.toPrecision(3)} ms` : `${value}`
}
