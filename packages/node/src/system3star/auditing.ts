import { randomBytes } from 'node:crypto'
import type { GroupState } from '@vsmcp/consensus'
import {
  type Clock,
  type Logger,
  messageOf,
  type PeerIdString,
  type Random,
  type Startable,
  telemetry,
  type Timer,
  type UnitName,
} from '@vsmcp/kernel'
import type { Mesh } from '@vsmcp/mesh'
import type { VerifiedPassport } from '@vsmcp/security'
import {
  type Auditable,
  type AuditEffect,
  Auditor,
  type AuditorSnapshot,
  type Finding,
  organ,
  type ReportJudge,
} from '@vsmcp/vsm'
import type { Algedonic } from '../algedonic/algedonic.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { AUDIT_TICK_MS } from '../constants.ts'
import type { Members } from '../members/members.ts'
import type { SeenCall } from '../route/call-watch.ts'
import type { Router } from '../route/router.ts'
import type { Keeping, Remembered } from '../tree/checkpoint.ts'

import type { GroupSignals } from '../topics/group-signals.ts'
import { digestOfTools, probe, probeMethod } from './probing.ts'

const findings = telemetry('vsmcp:system3star:finding')

export interface AuditingInit {
  /** Mean time between two audits by this node, milliseconds. @default 60_000 */
  meanMs?: number
}

export interface AuditingComponents {
  self: PeerIdString
  mesh: Pick<Mesh<VerifiedPassport>, 'peers'>
  members: Pick<Members, 'isAlive'>
  catalog: Pick<Catalog, 'units'>
  group: () => GroupState | undefined
  router: Pick<Router, 'probe'>
  signals: Pick<GroupSignals, 'on'>
  reportJudge: ReportJudge
  algedonic: Pick<Algedonic, 'feel' | 'relieve'>
  /** Nothing is looked at while the node has better to do. */
  isPaused: () => boolean
  /** What a life of it leaves to the next. */
  checkpoint: Keeping<AuditorSnapshot>
  clock: Clock
  logger: Logger
  /** @default chance that nobody can foresee */
  random?: Random
}

/** The source of chance of the machine itself: nobody who knows this node's clock and PeerId can tell when it looks. */
const UNFORESEEABLE: Random = { next: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48 }

/** System 3* at work: hears what hosts report, remembers what this node saw itself, and has units probed. */
export class Auditing implements Startable {
  readonly #c: AuditingComponents
  readonly #init: AuditingInit
  #auditor: Auditor
  /** Measured delay of the way there and back, by node. */
  #wayMs = new Map<PeerIdString, number>()
  /** Units whose calls wait for resources first: how long they take a caller says nothing of how long they work. */
  readonly #claiming = new Set<UnitName>()
  readonly #probing = new Map<string, Promise<void>>()
  #timer: Timer | undefined
  #offs: (() => void)[] = []

  constructor(init: AuditingInit, components: AuditingComponents) {
    this.#c = components
    this.#init = init
    this.#auditor = this.#auditorFrom()
  }

  #auditorFrom(kept?: Remembered<AuditorSnapshot>): Auditor {
    const { self, clock, random = UNFORESEEABLE } = this.#c
    const began = { self, random, nowMs: clock.monotonicMs(), ...this.#init }
    return new Auditor(kept === undefined ? began : { ...began, kept })
  }

  async start(): Promise<void> {
    const { signals, clock, checkpoint } = this.#c
    this.#auditor = this.#auditorFrom(await checkpoint.begin(() => this.#auditor.snapshot(clock.monotonicMs())))
    this.#offs = [signals.on('unit', ({ node, body }) => this.#follow(this.#auditor.heard(node, body, clock.monotonicMs())))]
    this.#timer = clock.every(AUDIT_TICK_MS, () => this.#tick())
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    for (const off of this.#offs) off()
    await Promise.all(this.#probing.values())
    await this.#c.checkpoint.end()
  }

  get findings(): readonly Finding[] {
    return this.#auditor.findings
  }

  /** Probes a unit of another node now. Resolves when it has been; what it comes to is known with the host's next reports. */
  audit({ unit, node }: Auditable): Promise<void> {
    const key = `${unit} ${node}`
    const running = this.#probing.get(key)
    if (running !== undefined) return running
    const { logger } = this.#c
    const probing = this.#probe({ unit, node })
      .catch((error: unknown) => logger.warn({ unit, node, error: messageOf(error) }, 'a unit could not be audited'))
      .finally(() => this.#probing.delete(key))
    this.#probing.set(key, probing)
    return probing
  }

  /** A request of this node to a unit of another has ended. */
  called(at: Auditable, call: SeenCall): void {
    const outcome = this.#claiming.has(at.unit) ? 'lost' : call.outcome
    this.#auditor.called(at, { ...call, outcome, overheadMs: this.#wayMs.get(at.node) ?? 0 }, this.#c.clock.monotonicMs())
  }

  #tick(): void {
    const { mesh, members, catalog, group, self, clock, reportJudge } = this.#c
    const nowMs = clock.monotonicMs()
    this.#wayMs = new Map(mesh.peers().map(({ peer, rttMs }) => [peer, rttMs ?? 0]))
    for (const [, { unit }] of group()?.claims ?? []) this.#claiming.add(unit)
    for (const [node, counts] of reportJudge.refused) this.#follow(this.#auditor.refused(node, counts, nowMs))
    const present = new Set(catalog.units.map(({ unit }) => unit))
    for (const unit of this.#claiming) if (!present.has(unit)) this.#claiming.delete(unit)
    if (this.#c.isPaused()) return
    const elsewhere = catalog.units.flatMap(({ unit, providers }) =>
      providers.flatMap(({ node }) => (node !== self && members.isAlive(node) ? [{ unit, node }] : [])),
    )
    this.#follow(this.#auditor.tick(elsewhere, nowMs))
  }

  async #probe(at: Auditable): Promise<void> {
    const { catalog, router, clock, logger } = this.#c
    const providers = catalog.units.find(({ unit }) => unit === at.unit)?.providers
    const offer = providers?.find(({ node }) => node === at.node)?.offer
    const method = offer === undefined ? undefined : probeMethod(offer)
    if (offer === undefined || method === undefined) return
    const listed = await probe(at, method, { router, clock, logger })
    this.#follow(this.#auditor.probed(at, digestOfTools(offer.tools), listed, clock.monotonicMs()))
  }

  #follow(effects: readonly AuditEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'probe') void this.audit(effect)
      else if (effect.type === 'found') this.#found(effect.finding)
      else this.#over(effect.finding)
    }
  }

  #found(finding: Finding): void {
    const { algedonic, logger } = this.#c
    const { unit, node, kind, claimed, measured, audits } = finding
    publish('found', finding)
    logger.warn({ unit, node, kind, claimed, measured, audits }, 'an audit found something else than was reported')
    const text = `Claimed: ${claimed}; found: ${measured}, in ${audits} audits by this node. Host: ${node}. See "vsmcp findings".`
    algedonic.feel({ ...painOf(finding), feeling: 'pain', severity: 'high', text })
  }

  #over(finding: Finding): void {
    const { unit, node, kind } = finding
    publish('over', finding)
    this.#c.logger.info({ unit, node, kind }, 'audits find nothing to remark any more')
    this.#c.algedonic.relieve(painOf(finding), 'audits find nothing to remark any more')
  }
}

function publish(event: 'found' | 'over', { unit, node, kind, claimed, measured, audits }: Finding): void {
  if (!findings.hasSubscribers) return
  findings.publish({ ...(unit === undefined ? {} : { unit }), node, kind, event, claimed, measured, audits })
}

function painOf({ unit, node, kind }: Finding): Pick<Parameters<Algedonic['feel']>[0], 'source' | 'subject'> {
  const what =
    kind === 'definitions' ? 'is published with other definitions than it has' : `is reported with other ${kind} than it has`
  const whose = unit === undefined ? `reports of node …${node.slice(-8)} do not hold together` : `unit ${unit} ${what}`
  return { source: organ('system3*', unit), subject: whose }
}
