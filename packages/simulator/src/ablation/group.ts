import type { PeerIdString, UnitName } from '@vsmcp/kernel'
import { type Finding, type HeldAlert, ReportJudge, type UnitReport } from '@vsmcp/vsm'
import { ALERT_DEADLINE_MS, DECISION_COST_MS, FAILED_AFTER_MS, LAN_RTT_MS, REPORT_COST_MS, WAN_RTT_MS } from './constants.ts'
import { Docket } from './docket.ts'
import { Inbox } from './inbox.ts'
import type { SimulatedNode } from './node.ts'
import type { Timeline } from './timeline.ts'

export interface GroupInit {
  readonly nodes: readonly SimulatedNode[]
  /** Whether what one site says gets to the other, and since when it does not. */
  readonly isLinked: (site: number, other: number) => boolean
  readonly cutSinceMs: () => number
  /** A report reaches a member. */
  readonly reached: (member: SimulatedNode, from: PeerIdString, report: UnitReport) => void
  /** The controller has taken in a report. */
  readonly heard: (from: PeerIdString, report: UnitReport) => void
  /** System 5 knows of a unit that hurts, by its own host. */
  readonly hurts: (unit: UnitName) => void
  /** System 3 knows of a unit that is not what is reported of it. */
  readonly found: (unit: UnitName) => void
}

/** A group: who belongs to it, its log, and the controller that leads it. Of four nodes or of sixteen it is the same. */
export class Group {
  readonly inbox: Inbox
  readonly docket: Docket
  readonly #timeline: Timeline
  readonly #init: GroupInit
  readonly #judge = new ReportJudge()
  readonly #quorumMs: number
  #sequence = 0

  constructor(timeline: Timeline, init: GroupInit) {
    this.#timeline = timeline
    this.#init = init
    this.inbox = new Inbox(timeline)
    const { nodes } = init
    // Voters are spread over the sites there are.
    this.#quorumMs = new Set(nodes.map(({ site }) => site)).size > 1 ? WAN_RTT_MS : LAN_RTT_MS
    const nodeOf = (peer: PeerIdString): SimulatedNode | undefined => nodes.find((node) => node.peer === peer)
    this.docket = new Docket(timeline, {
      members: nodes.map(({ peer }) => peer),
      inbox: this.inbox,
      wayMs: (peer) => this.wayMs(nodeOf(peer) ?? this.leader),
      quorumMs: this.#quorumMs,
      isAlive: (peer) => nodeOf(peer)?.isAlive === true,
      failedSinceMs: (peer) => this.#failedSinceMs(nodeOf(peer)),
      isReached: (peer) => this.#reaches(nodeOf(peer) ?? this.leader),
    })
  }

  /** The first of those that a majority can reach. */
  get leader(): SimulatedNode {
    const { nodes, isLinked } = this.#init
    const isOfMajority = ({ site }: SimulatedNode): boolean =>
      2 * nodes.filter((other) => isLinked(site, other.site)).length > nodes.length
    const alive = nodes.find((node) => node.isAlive && isOfMajority(node)) ?? nodes[0]
    if (alive === undefined) throw new RangeError('a group without nodes')
    return alive
  }

  /** Leadership moves where the majority is. */
  cut(site: number): void {
    if (this.#init.nodes.some((node) => node.site !== site) && this.#init.nodes[0]?.site === site) this.inbox.leaderLost()
  }

  wayMs(from: SimulatedNode): number {
    return from.wayMs(this.leader)
  }

  died(node: SimulatedNode): void {
    const { nodes } = this.#init
    if (nodes.find((each) => each.isAlive || each === node) === node) this.inbox.leaderLost()
  }

  /** By gossip, to all members. */
  report(from: SimulatedNode, report: UnitReport): void {
    const { nodes, reached, heard } = this.#init
    const { nowMs } = this.#timeline
    const message = { node: from.peer, sequence: ++this.#sequence, atMs: nowMs, report }
    if (!this.#judge.judge(message, true, nowMs, nowMs).taken) return
    for (const member of nodes) {
      if (member === from || !member.isAlive || !this.#init.isLinked(from.site, member.site)) continue
      this.#timeline.after(from.wayMs(member), () => reached(member, from.peer, report))
    }
    this.#told(from, REPORT_COST_MS, () => heard(from.peer, report))
  }

  exceptions(from: SimulatedNode, units: readonly UnitName[], findings: readonly Finding[]): void {
    if (units.length === 0 && findings.length === 0) return
    const { hurts, found } = this.#init
    this.#told(from, REPORT_COST_MS, () => {
      for (const unit of units) hurts(unit)
      for (const { unit, overMs } of findings) if (unit !== undefined && overMs === undefined) found(unit)
    })
  }

  alert(from: SimulatedNode, { source: { unit, system } }: HeldAlert, answered: (isDone: boolean) => void): void {
    const { hurts, found } = this.#init
    this.#decide(from, answered, () => {
      if (unit === undefined) return
      if (system === 'system3*') found(unit)
      else hurts(unit)
    })
  }

  resolve(from: SimulatedNode, answered: (isDone: boolean) => void): void {
    this.#decide(from, answered, () => {})
  }

  #reaches(node: SimulatedNode): boolean {
    return this.#init.isLinked(node.site, this.leader.site)
  }

  /** Who is cut off looks failed from where the leader is. */
  #failedSinceMs(node: SimulatedNode | undefined): number | undefined {
    if (node === undefined || this.#reaches(node)) return node?.failedSinceMs
    return this.#init.cutSinceMs() + FAILED_AFTER_MS
  }

  #decide(from: SimulatedNode, answered: (isDone: boolean) => void, decided: () => void): void {
    if (!this.#reaches(from)) {
      this.#timeline.after(ALERT_DEADLINE_MS, () => {
        if (from.isAlive) answered(false)
      })
      return
    }
    this.#timeline.after(this.wayMs(from), () =>
      this.inbox.handleAtOnce(DECISION_COST_MS + this.#quorumMs, () => {
        decided()
        this.#timeline.after(this.wayMs(from), () => {
          if (from.isAlive) answered(true)
        })
      }),
    )
  }

  #told(from: SimulatedNode, costMs: number, run: () => void): void {
    if (!this.#reaches(from)) return
    this.#timeline.after(this.wayMs(from), () => this.inbox.handle(costMs, run))
  }
}
