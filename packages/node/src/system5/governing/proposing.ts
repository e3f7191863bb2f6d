import { randomBytes } from 'node:crypto'
import { GOVERNING_LEVEL, type ProposalRecord } from '@vsmcp/consensus'
import {
  type Clock,
  isInForce,
  isUndecided,
  type Logger,
  messageOf,
  type PeerIdString,
  type Proposal,
  type ProposalContent,
  proposalKey,
  type Startable,
  type Timer,
} from '@vsmcp/kernel'
import { IN_FLIGHT_MAX, type Unit } from '@vsmcp/mcp'
import {
  type Governance,
  type Draft,
  isOwnAffair,
  PROPOSAL_LIFE_MS,
  proposalOfDemand,
  proposalOfFinding,
  proposalOfLack,
  proposalOfMiss,
  type UnitStanding,
  waitsForPerson,
  WAY_UP,
} from '@vsmcp/vsm'
import { PROPOSE_AGAIN_MS, PROPOSE_PATIENCE_MS, REPORT_PERIOD_MS } from '../../constants.ts'
import type { LocalUnits } from '../../system1/local-units.ts'
import type { Operations } from '../../system1/operations.ts'
import type { Bargaining } from '../../system3/bargaining.ts'
import type { Performance } from '../../system3/performance.ts'
import type { Auditing } from '../../system3star/auditing.ts'
import { FORECAST_AHEAD_TICKS, SCAN_PERIOD_MS } from '../../system4/constants.ts'
import type { Scanner } from '../../system4/scanner.ts'
import type { CallVariety } from '../../variety/call-variety.ts'
import type { Decisions } from '../decisions.ts'
import type { GroupLog } from '../group-log.ts'
import type { EffectSight } from './effect-sight.ts'
import type { OwnGoverning } from './own-governing.ts'

export interface ProposingComponents {
  self: PeerIdString
  log: GroupLog
  decisions: Pick<Decisions, 'propose'>
  own: Pick<OwnGoverning, 'list' | 'make'>
  units: Pick<LocalUnits, 'list' | 'termsOf'>
  operations: Pick<Operations, 'figuresOf'>
  bargaining: Pick<Bargaining, 'ordersFor'>
  performance: Pick<Performance, 'exceptions' | 'missedInARow'>
  auditing: Pick<Auditing, 'findings'>
  scanner: Pick<Scanner, 'ahead'>
  variety: Pick<CallVariety, 'meter'>
  sight: Pick<EffectSight, 'windowOf'>
  governance: () => Governance
  clock: Clock
  logger: Logger
}

/** Tools that nobody has and that a node asks for at once, the most wanted first: its clients ask for whatever comes to their minds. */
const LACKS_TOLD_MAX = 4

type Placed = Draft & Pick<ProposalContent, 'at'>

/** Systems 3 and 4 of a node, as they propose: to its own System 5 what concerns only the node, to the group's what is more than that. */
export class Proposing implements Startable {
  readonly #c: ProposingComponents
  /** When the same may be said to the group again, by key. */
  readonly #notBefore = new Map<string, number>()
  #timer: Timer | undefined
  #asking: Promise<void> | undefined

  constructor(components: ProposingComponents) {
    this.#c = components
  }

  async start(): Promise<void> {
    this.#timer = this.#c.clock.every(REPORT_PERIOD_MS, () => void this.look())
  }

  /** What System 5 was asked may go on; its answer is of no use any more. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
  }

  /** What there is to propose now, is proposed. Resolves when System 5 has answered. */
  async look(): Promise<void> {
    this.#asking ??= this.#propose().finally(() => (this.#asking = undefined))
    await this.#asking
  }

  async #propose(): Promise<void> {
    const { self, own, clock, logger } = this.#c
    const nowMs = clock.wallMs()
    const governance = this.#c.governance()
    for (const [key, atMs] of this.#notBefore) if (atMs <= nowMs) this.#notBefore.delete(key)
    for (const draft of this.#drafts()) {
      const content: ProposalContent = { ...draft, expiresAtMs: Math.round(nowMs + PROPOSAL_LIFE_MS) }
      if (this.#isPending(content, nowMs)) continue
      const id = randomBytes(6).toString('hex')
      if (draft.at === self && isOwnAffair(content, governance.policy)) {
        if (own.make(id, content))
          logger.debug({ ...WAY_UP[content.from], kind: content.kind, unit: content.subject }, 'proposed here')
      } else await this.#ask(id, content)
    }
  }

  /** Each subject once in a pass: what System 3 has seen goes before what System 4 foretells. */
  #drafts(): Placed[] {
    const { self, units, auditing, sight, variety } = this.#c
    const drafts: Placed[] = []
    for (const unit of units.list()) {
      const draft = this.#ofUnit(unit)
      if (draft !== undefined) drafts.push({ ...draft, at: self })
    }
    for (const finding of auditing.findings) {
      const held = finding.unit === undefined ? 0 : (sight.windowOf(finding.unit, finding.node)?.inFlight ?? 0)
      const draft = proposalOfFinding(finding, Math.max(1, held))
      if (draft !== undefined) drafts.push({ ...draft, at: finding.node })
    }
    for (const request of variety.meter.requests().slice(0, LACKS_TOLD_MAX)) {
      const draft = proposalOfLack(request)
      if (draft !== undefined) drafts.push({ ...draft, at: self })
    }
    return drafts
  }

  #ofUnit(unit: Unit): Draft | undefined {
    const { operations, performance, scanner } = this.#c
    const figures = operations.figuresOf(unit.name)
    const standing = figures && this.#standingOf(unit, figures)
    if (standing === undefined) return undefined
    for (const { unit: name, metric, target, measured } of performance.exceptions) {
      if (name !== unit.name) continue
      const windows = performance.missedInARow(name, metric)
      const draft = windows === 0 ? undefined : proposalOfMiss(standing, { metric, target, measured, windows })
      if (draft !== undefined) return draft
    }
    const capacityPerS = figures?.potentiality ?? 0
    const tickS = SCAN_PERIOD_MS / 1_000
    const ahead = scanner.ahead(unit.name, 'calls', FORECAST_AHEAD_TICKS, capacityPerS * tickS)
    if (ahead === undefined) return undefined
    const { mean, probability, observed } = ahead
    const aheadMs = FORECAST_AHEAD_TICKS * SCAN_PERIOD_MS
    return proposalOfDemand(standing, { foretold: mean / tickS, capacityPerS, probability, aheadMs, observed })
  }

  #standingOf(
    { name, limits }: Unit,
    { calls, turnedAway, meanInFlight, meanQueued }: NonNullable<ReturnType<Operations['figuresOf']>>,
  ): UnitStanding {
    const terms = this.#c.units.termsOf(name)
    const orders = this.#c.bargaining.ordersFor(name)
    return {
      unit: name,
      weight: orders?.weight ?? terms.weight ?? 1,
      concurrencyMax: Math.min(orders?.concurrency ?? terms.concurrency ?? IN_FLIGHT_MAX, IN_FLIGHT_MAX),
      concurrencyMost: IN_FLIGHT_MAX,
      limits,
      calls,
      turnedAway,
      meanInFlight,
      meanQueued,
    }
  }

  /** Of what was given already the effect is to be seen first; of a unit in quarantine nothing is asked for. */
  #isPending({ kind, subject, at }: ProposalContent, nowMs: number): boolean {
    const all: readonly (readonly [string, Proposal])[] = [...this.#c.own.list(), ...(this.#c.log.state?.proposals ?? [])]
    return all.some(([, other]) => {
      if (other.subject !== subject || (kind !== 'capability' && other.at !== at) || !isInForce(other, nowMs)) return false
      return other.kind === 'quarantine' || other.closure === undefined
    })
  }

  async #ask(id: string, content: ProposalContent): Promise<void> {
    const { self, log, decisions, clock, logger } = this.#c
    const { state } = log
    const key = proposalKey(content)
    if (this.#notBefore.has(key) || (state?.charter.featureLevel ?? 0) < GOVERNING_LEVEL) return
    const alike = [...(state?.proposals ?? [])].filter(([, each]) => proposalKey(each) === key)
    const open = alike.find(([, each]) => isUndecided(each))
    if (open === undefined ? wasJustDecided(alike, clock.wallMs()) : saysNothingNew(content, open[1], self)) return
    this.#notBefore.set(key, clock.wallMs() + pauseOf(open?.[1]))
    const way = WAY_UP[content.from]
    try {
      const result = await decisions.propose({ op: 'proposal:make', id: open?.[1].peer === self ? open[0] : id, ...content })
      if (result.ok) {
        if (result.changed) logger.info({ ...way, kind: content.kind, subject: content.subject }, 'proposed to System 5')
        return
      }
      this.#notBefore.set(key, clock.wallMs() + PROPOSE_PATIENCE_MS)
      logger.debug({ ...way, kind: content.kind, subject: content.subject, reason: result.message }, 'a proposal was not taken')
    } catch (error) {
      logger.info(
        { ...way, kind: content.kind, subject: content.subject, error: messageOf(error) },
        'a proposal reached no System 5',
      )
    }
  }
}

/** What was decided a moment ago is not asked again at once, by nobody. */
function wasJustDecided(alike: readonly (readonly [string, Proposal])[], nowMs: number): boolean {
  return alike.some(([, { decision, closure }]) => nowMs - (closure ?? decision ?? { atMs: 0 }).atMs < PROPOSE_PATIENCE_MS)
}

/** Each word is an entry of the group's log: said once by each node, and again only when there is more to say. */
function saysNothingNew({ evidence }: ProposalContent, open: Proposal, self: PeerIdString): boolean {
  if (open.peer !== self) return open.seconds.includes(self)
  const { probability, samples } = open.evidence
  return evidence.probability < probability + SURER && (evidence.samples < 2 * samples || evidence.probability < probability)
}

/** By so much a probability must have grown to be said again. */
const SURER = 0.005

/** A person is not helped by the same evidence every few seconds. */
function pauseOf(open: ProposalRecord | undefined): number {
  return open?.decision !== undefined && waitsForPerson(open.decision) ? PROPOSE_PATIENCE_MS : PROPOSE_AGAIN_MS
}
