import { isoTime, type PeerIdString } from '@vsmcp/kernel'
import type { Charter } from '@vsmcp/consensus'
import { type SeriesOutlook, type Unmet, type VarietyFigures, VARIETY_SLOT_MS, VARIETY_SLOTS } from '@vsmcp/vsm'
import type { AlertsView } from '../algedonic/alerts-view.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { StatusView } from '../control/status-view.ts'
import type { Members } from '../members/members.ts'
import type { GroupDesk } from '../seats/group-desk.ts'
import type { Router } from '../route/router.ts'
import type { GroupLog } from '../system5/group-log.ts'
import type { ForecastDesk } from '../system4/forecast-desk.ts'
import { governanceOf } from '../system5/governing/governance-of.ts'
import type { ProposalDesk } from '../system5/governing/proposal-desk.ts'
import type { CallVariety } from '../variety/call-variety.ts'
import { regulatorsOf } from '../variety/regulators.ts'
import type { SelfView, UnmetView, VarietyView } from './contract.ts'

/** Decisions shown: those of the last weeks, as a person may want to know them. */
const DECISIONS_SHOWN = 20

export interface SelfComponents {
  self: PeerIdString
  statusView: StatusView
  log: GroupLog
  catalog: Catalog
  members: Members
  router: Router
  alertsView: AlertsView
  variety: CallVariety
  proposals: Pick<ProposalDesk, 'balance' | 'decided'>
  forecasts: ForecastDesk
  groups: Pick<GroupDesk, 'recursion' | 'membership' | 'pathOf'>
}

/** What this node knows of itself and of its group: nothing in it is a constant, all is computed from events when it is asked. */
export class Self {
  readonly #c: SelfComponents

  constructor(components: SelfComponents) {
    this.#c = components
  }

  async view(): Promise<SelfView> {
    const { statusView, forecasts, alertsView, router, groups } = this.#c
    const { node, mesh, version, health, problems, members, system5, units, tools } = statusView.status()
    const charter = this.#c.log.state?.charter
    const series = await forecasts.series([1])
    return {
      identity: {
        node: node.name,
        peerId: node.peerId,
        mesh: mesh.name,
        meshId: mesh.id,
        // As the groups above name it now.
        group: groups.pathOf(groups.membership()),
        version,
        says: saysOf(charter),
        charterVersion: charter?.policyVersion ?? 0,
        policies: Object.keys(charter?.policies ?? {}),
      },
      does: { units: units.local, tools: this.#ownTools(), toolsOfGroup: tools, callsInFlight: router.inFlight },
      is: { health, problems, members, system5: system5.leaderName, alerts: alertsView.list({ all: false }).length },
      recursion: groups.recursion(),
      variety: await this.#variety(),
      expects: series.flatMap(({ subject, measure, ahead: [next] }) => {
        if (next === undefined) return []
        const { mean, low, high } = next
        return [{ subject, measure, mean, low, high }]
      }),
      noticed: forecasts.turns(),
      decided: this.#decided(),
      balance: this.#balance(),
      foresight: foresightOf(series),
    }
  }

  #ownTools(): number {
    const { catalog, self } = this.#c
    return catalog.tools.filter(({ providers }) => providers.includes(self)).length
  }

  async #variety(): Promise<SelfView['variety']> {
    const { variety, members, catalog, self } = this.#c
    const own = variety.figures()
    const peers = members.list().flatMap(({ peer }) => (peer !== self && members.isAlive(peer) ? [peer] : []))
    const group = await variety.ofGroup(peers)
    const { meter } = variety
    const requested = new Set(meter.requests().map(({ tool, need }) => `${need} ${tool}`))
    return {
      windowMs: VARIETY_SLOT_MS * VARIETY_SLOTS,
      node: figuresOf(own),
      group: figuresOf(group.figures),
      nodes: group.nodes,
      silentNodes: group.silent,
      regulators: regulatorsOf(catalog, self, own),
      unmet: meter.unmet().map((unmet) => unmetOf(unmet, requested)),
      beyondBounds: meter.beyondBounds,
    }
  }

  #balance(): SelfView['balance'] {
    const { system3, system4, starved } = this.#c.proposals.balance()
    return { system3, system4, starved }
  }

  /** What Systems 3 and 4 asked for, and why they were given it, or not. */
  #onProposals(): { atMs: number; what: string; by: string; why: string }[] {
    const { proposals, statusView } = this.#c
    return proposals.decided().flatMap(({ kind, subject, asked, decision }) => {
      if (decision === undefined) return []
      const { verdict, by, author, clause, reason, atMs } = decision
      const amount = kind === 'capability' ? '' : ` ${Number(asked.toPrecision(4))}`
      const who = by === 'person' ? `a person at ${statusView.nameOf(author)}` : clause
      return [{ atMs, what: `${kind}${amount} for ${subject}: ${verdict}`, by: who, why: reason }]
    })
  }

  #decided(): SelfView['decided'] {
    const { log, statusView } = this.#c
    const charter = log.state?.charter
    if (charter === undefined) return []
    const policies = (charter.policyHistory ?? []).map(({ version, atMs, by, reason }) => ({
      atMs,
      what: `policies, version ${version}`,
      by,
      why: reason,
    }))
    const revocations = charter.revocations.map(({ peer, atMs, by, reason }) => ({
      atMs,
      what: `${statusView.nameOf(peer)} is no member any more`,
      by,
      why: reason,
    }))
    const decided = [...policies, ...revocations, ...this.#onProposals()].sort((a, b) => a.atMs - b.atMs).slice(-DECISIONS_SHOWN)
    return decided.map(({ atMs, ...each }) => ({ at: isoTime(atMs), ...each }))
  }
}

function saysOf(charter: Charter | undefined): SelfView['identity']['says'] {
  const { identity } = governanceOf(charter)
  return identity === undefined || identity.name === '' ? null : { name: identity.name, purpose: identity.purpose }
}

function figuresOf({ outcomes, ...figures }: VarietyFigures): VarietyView {
  return { ...figures, outcomes: { ...outcomes } }
}

const NEED_OF = { unknown: 'tool', refused: 'capacity', late: 'speed' } as const

function unmetOf({ tool, cause, unit, calls, firstMs, lastMs }: Unmet, requested: ReadonlySet<string>): UnmetView {
  const remedies = {
    unknown: `attach a server that offers ${tool}`,
    refused: `give ${unit ?? tool} more room, or attach its server on another node, too`,
    late: `a faster server for ${unit ?? tool}, or callers that allow more time`,
  }
  return {
    tool,
    cause,
    unit,
    calls,
    since: isoTime(firstMs),
    last: isoTime(lastMs),
    remedy: remedies[cause],
    requested: requested.has(`${NEED_OF[cause]} ${tool}`),
  }
}

/** Over all series, each by how many forecasts it has. */
function foresightOf(series: readonly SeriesOutlook[]): SelfView['foresight'] {
  const scored = series.flatMap(({ skill }) => skill ?? [])
  const forecasts = scored.reduce((sum, each) => sum + each.forecasts, 0)
  if (forecasts === 0) return null
  // Series of different sizes are made comparable by their own naive error; one that never moved says nothing.
  const moving = scored.filter(({ naiveMeanError }) => naiveMeanError > 0)
  const weight = moving.reduce((sum, each) => sum + each.forecasts, 0)
  const ratio = moving.reduce((sum, each) => sum + (each.forecasts * each.meanError) / each.naiveMeanError, 0)
  return {
    forecasts,
    errorAgainstNaive: weight === 0 ? null : ratio / weight,
    bandHeld: scored.reduce((sum, each) => sum + each.forecasts * each.bandHeld, 0) / forecasts,
  }
}
