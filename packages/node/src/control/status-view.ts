import { FEATURE_LEVEL, type GroupState } from '@vsmcp/consensus'
import { isoTime, type PeerIdString } from '@vsmcp/kernel'
import type { Mesh } from '@vsmcp/mesh'
import type { VerifiedPassport } from '@vsmcp/security'
import type { AlertsView } from '../algedonic/alerts-view.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { MemberView } from '../members/contract.ts'
import { chainRoomProblems } from './chain-room.ts'
import type { NodeStatus, Profile } from './contract.ts'
import { evidenceText } from '../members/evidence-text.ts'
import type { Members } from '../members/members.ts'
import type { Degradation } from '../degradation/degradation.ts'
import type { Epochs } from '../recovery/epochs.ts'
import type { Lives } from '../recovery/lives.ts'
import type { LocalUnits } from '../system1/local-units.ts'
import type { Operations } from '../system1/operations.ts'
import type { Expulsion } from '../system5/expulsion.ts'
import type { GroupLog } from '../system5/group-log.ts'
import type { Office } from '../system5/office.ts'
import type { Standing } from '../system5/standing.ts'
import type { Trust } from '../system5/trust.ts'
import type { Reports } from '../topics/reports.ts'
import type { UnitsView } from './units-view.ts'
import { workView } from './work-view.ts'
import { governanceOf } from '../system5/governing/governance-of.ts'
import type { ProposalDesk } from '../system5/governing/proposal-desk.ts'

export interface StatusComponents {
  mesh: Mesh<VerifiedPassport>
  members: Members
  lives: Lives
  expulsion: Pick<Expulsion, 'turnedAwayBy'>
  epochs: Epochs
  log: GroupLog
  trust: Trust
  standing: Standing
  catalog: Catalog
  units: LocalUnits
  unitsView: UnitsView
  proposals: Pick<ProposalDesk, 'counts'>
  reports: Reports
  degradation: Pick<Degradation, 'view'>
  office: Pick<Office, 'sinceMs'>
  alerts: Pick<AlertsView, 'counts'>
  operations: Operations
  /** Of parts of the node, lately, as sentences. */
  crashes: () => string[]
  mcpUrl: () => string
}

export interface StatusFacts {
  version: string
  profile: Profile
  dataDir: string
  startedAtMs: number
}

/** How the node and its group are, as this node sees it. */
export class StatusView {
  readonly #c: StatusComponents
  readonly #facts: StatusFacts
  #storageProblem: string | undefined

  constructor(facts: StatusFacts, components: StatusComponents) {
    this.#facts = facts
    this.#c = components
    components.log.on('storage:failed', ({ error }) => {
      this.#storageProblem = `this node decides nothing, its disk refuses writes: ${error instanceof Error ? error.message : String(error)}`
    })
    components.log.on('storage:recovered', () => (this.#storageProblem = undefined))
  }

  /** But for the groups that the node takes part in, which are not this one's matter. */
  status(): Omit<NodeStatus, 'groups' | 'recursion'> {
    const { mesh, trust, catalog, units, unitsView, reports, operations, mcpUrl } = this.#c
    const { enrolment } = trust
    const { version, profile, dataDir, startedAtMs } = this.#facts
    const members = this.members()
    const problems = this.#problems(members)
    return {
      version,
      node: {
        peerId: mesh.peerId,
        name: enrolment.name,
        role: enrolment.role,
        profile,
        pid: process.pid,
        startedAt: isoTime(startedAtMs),
        dataDir,
      },
      mesh: { id: enrolment.meshId, name: enrolment.meshName },
      group: { id: enrolment.groupId, path: enrolment.path },
      listen: mesh.listenAddresses(),
      mcp: mcpUrl(),
      system5: this.#system5(members),
      members: { known: members.length, alive: members.filter(({ state }) => state === 'alive').length },
      units: { local: units.list().length, group: catalog.units.length, ready: unitsView.readyCount() },
      tools: catalog.tools.length,
      alerts: this.#alerts(),
      proposals: this.#c.proposals.counts(),
      work: { node: workView(operations.achievement()), group: workView(operations.groupAchievement()) },
      degradation: this.#c.degradation.view,
      health: problems.length === 0 ? 'ok' : this.#leader() === undefined ? 'failing' : 'degraded',
      problems,
      process: {
        rssBytes: process.memoryUsage.rss(),
        uptimeS: Math.round(process.uptime()),
        eventLoopLagMs: reports.eventLoopLagMs,
      },
    }
  }

  members(): MemberView[] {
    const { mesh, log, members, catalog, standing } = this.#c
    const { state } = log
    const voters = new Set(log.status()?.configuration.voters)
    const leader = this.#leader()
    const now = this.#c.trust
    const peers = new Map(mesh.peers().map((peer) => [peer.peer, peer]))
    return this.#ids().map((peer) => {
      const self = peer === mesh.peerId
      const record = state?.members.get(peer)
      const shown = peers.get(peer)?.info
      const view = members.get(peer)
      return {
        peerId: peer,
        ...(standing.isStale(peer) ? { stale: true as const } : {}),
        ...(record?.ephemeral === true ? { ephemeral: true as const } : {}),
        name: self ? now.enrolment.name : (record?.name ?? shown?.claims.name ?? peer),
        role: record?.role ?? (self ? now.enrolment.role : 'member'),
        state: self ? 'alive' : (view?.state ?? 'suspect'),
        since: isoTime(Date.now() - (self ? process.uptime() * 1000 : members.inStateForMs(peer))),
        why: view === undefined ? '' : evidenceText(view.why, members.nowMs, (other) => this.nameOf(other)),
        connected: self || view?.isConnected === true,
        relayed: peers.get(peer)?.relayed === true,
        self,
        voter: voters.has(peer),
        leader: peer === leader,
        addresses: self ? mesh.listenAddresses() : [...(shown?.passport.addresses ?? record?.addresses ?? [])],
        units: catalog.units.filter(({ providers }) => providers.some(({ node }) => node === peer)).map(({ unit }) => unit),
        rttMs: peers.get(peer)?.rttMs ?? null,
      }
    })
  }

  /** As `members` lists them, but without all else: who waits for it looks at every change. */
  aliveCount(): number {
    const { mesh, members } = this.#c
    return this.#ids().filter((peer) => peer === mesh.peerId || members.get(peer)?.state === 'alive').length
  }

  hasLeader(): boolean {
    return this.#leader() !== undefined
  }

  /** Before there is a docket, this node and whom it is connected with. */
  #ids(): PeerIdString[] {
    const { mesh, log } = this.#c
    return log.state === undefined ? [mesh.peerId, ...mesh.peers().map(({ peer }) => peer)] : [...log.state.members.keys()]
  }

  nameOf(peer: PeerIdString): string {
    const { log, trust, mesh } = this.#c
    if (peer === mesh.peerId) return trust.enrolment.name
    return log.state?.members.get(peer)?.name ?? peer
  }

  get group(): GroupState | undefined {
    return this.#c.log.state
  }

  #leader(): PeerIdString | undefined {
    return this.#c.log.status()?.leader
  }

  #system5(members: readonly MemberView[]): NodeStatus['system5'] {
    const status = this.#c.log.status()
    const leader = status?.leader ?? null
    const voters = [...(status?.configuration.voters ?? [])]
    const quorum = Math.floor(voters.length / 2) + 1
    const self = members.find((member) => member.self)
    const { sinceMs } = this.#c.office
    return {
      leader,
      leaderName: leader === null ? null : this.nameOf(leader),
      since: sinceMs === undefined ? null : isoTime(sinceMs),
      epoch: this.#c.trust.chain.epoch,
      term: status?.term ?? 0,
      appliedIndex: status?.applied ?? 0,
      voters,
      quorum: voters.length === 0 ? 0 : quorum,
      failuresTolerated: Math.max(0, voters.length - quorum),
      role: self?.voter === true ? (status?.role ?? 'none') : 'learner',
    }
  }

  #alerts(): NodeStatus['alerts'] {
    const { open, acknowledged, critical, overdue } = this.#c.alerts.counts()
    return { open, acknowledged, critical, overdue }
  }

  /** What is of little weight is told by `alert ls`, and is no problem of the node's health. */
  #pain(): string[] {
    const { grave, critical, overdue } = this.#c.alerts.counts()
    if (grave === 0) return []
    const more = [...(critical === 0 ? [] : [`${critical} critical`]), ...(overdue === 0 ? [] : [`${overdue} overdue`])]
    const which = more.length === 0 ? '' : ` (${more.join(', ')})`
    return [`${grave === 1 ? '1 alert is' : `${grave} alerts are`} not remedied${which}: see \`vsmcp alert ls\``]
  }

  /** What else is listed as known last is told by what is away. */
  #reduced(): string[] {
    const { step, reasons } = this.#c.degradation.view
    if (step === 'normal' || step === 'cached') return []
    const what = step === 'reduced' ? 'work that can wait is not begun' : 'only what is essential is served'
    return [`${what}: ${reasons.join('; ')}`]
  }

  /** Programs and credentials whose time is over, and a chain that has little room left. */
  #outdated(members: readonly MemberView[]): string[] {
    const level = this.#c.log.state?.charter.featureLevel ?? FEATURE_LEVEL
    const tooOld =
      level > FEATURE_LEVEL
        ? [`this program supports feature level ${FEATURE_LEVEL}, and the group is at ${level}: update it`]
        : []
    const stale = members.filter((member) => member.stale === true)
    const whose = stale.map(({ self, name }) => (self ? 'this node' : `member ${name}`))
    return [
      ...tooOld,
      ...chainRoomProblems(this.#c.trust.chain.links.length),
      ...whose.map((who) => `the credential of ${who} is over; it is renewed when a majority of the voters can be reached`),
    ]
  }

  #problems(members: readonly MemberView[]): string[] {
    const { catalog, lives, epochs, operations, unitsView } = this.#c
    const problems: string[] = [
      ...this.#c.crashes(),
      ...epochs.problems(),
      ...lives.problems((peer) => this.nameOf(peer)),
      ...this.#outdated(members),
    ]
    if (this.#storageProblem !== undefined) problems.push(this.#storageProblem)
    for (const peer of this.#c.expulsion.turnedAwayBy)
      problems.push(`${this.nameOf(peer)} says that this node is no member any more`)
    problems.push(
      ...governanceOf(this.#c.log.state?.charter).flaws.map((flaw) => `System 5 cannot act upon the policies: ${flaw}`),
    )
    if (this.#leader() === undefined) problems.push('there is no System 5: the group decides nothing, calls go on')
    for (const { name, state, why, self } of members) {
      if (!self && state === 'failed') problems.push(`member ${name} cannot be reached: ${why}`)
    }
    if (members.length > 1 && this.#system5(members).failuresTolerated === 0) {
      problems.push(
        'no failover: a single voter decides; it takes three members up and in sync for the group to survive a failure',
      )
    }
    problems.push(...unitsView.problems(), ...this.#pain(), ...this.#reduced())
    for (const { unit, providers } of catalog.units) {
      for (const { node } of providers) {
        const report = operations.reportOf(unit, node)
        if (report === undefined || report.calls < 4 || report.errors * 2 <= report.calls) continue
        const where = providers.length > 1 ? ` on ${this.nameOf(node)}` : ''
        problems.push(`unit ${unit}${where}: ${report.errors} of ${report.calls} calls failed within ${report.windowMs / 1000} s`)
      }
    }
    return problems
  }
}
