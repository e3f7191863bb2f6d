import { type AlertRecord, delegatesOf, type GroupState, type Operation } from '@vsmcp/consensus'
import { type Clock, type GroupId, type Logger, messageOf, type PeerIdString, type Startable, type Timer } from '@vsmcp/kernel'
import { AlertClimb, type AlertAbove, type AlertBelow, type ClimbEffect, plainText } from '@vsmcp/vsm'
import { sha256Hex } from '../sha256.ts'
import type { Membership, Memberships } from './memberships.ts'

export interface AlertsAcrossComponents {
  self: PeerIdString
  memberships: Memberships
  clock: Clock
  logger: Logger
}

/** Characters of an alert's id in the docket of the group above. */
const ID_LENGTH = 32

/** UTF-16 units of an alert's text, of which this says where it comes from. */
const TEXT_LENGTH_MAX = 500

interface Served {
  climb: AlertClimb
  /** The group that it climbs to: to another one all of it anew. */
  parent: GroupId | undefined
  readonly offs: (() => void)[]
  timer: Timer | undefined
}

/**
 * Carries pain between the groups that this node takes part in: what a group could not remedy in its term, and what is critical at once, is raised in the
 * group above, with the child group as the unit that hurts; what ends below ends above; what was acknowledged above is acknowledged below.
 */
export class AlertsAcross implements Startable {
  readonly #c: AlertsAcrossComponents
  readonly #served = new Map<GroupId, Served>()
  #isStopped = false

  constructor(components: AlertsAcrossComponents) {
    this.#c = components
    const { memberships } = components
    memberships.on('began', (membership) => this.#follow(membership))
    memberships.on('ended', ({ group }) => {
      const served = this.#served.get(group)
      for (const off of served?.offs ?? []) off()
      served?.timer?.cancel()
      this.#served.delete(group)
    })
  }

  async start(): Promise<void> {
    this.#isStopped = false
    this.#lookAll()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    for (const { timer } of this.#served.values()) timer?.cancel()
  }

  #follow({ group, parts }: Membership): void {
    // What is decided in one group is of interest to the one below, too.
    const look = (): void => this.#lookAll()
    const offs = [
      parts.log.on('state:installed', look),
      parts.log.on('leader:changed', look),
      parts.log.on('entry:applied', ({ effects }) => {
        if (effects.some(({ type }) => /^(?:alert|member|group):/.test(type))) look()
      }),
    ]
    this.#served.set(group, { climb: climbOf(group), parent: undefined, offs, timer: undefined })
    this.#lookAll()
  }

  #lookAll(): void {
    if (this.#isStopped) return
    for (const membership of this.#c.memberships.list()) this.#look(membership)
  }

  #look(membership: Membership): void {
    const { memberships, self, clock } = this.#c
    const served = this.#served.get(membership.group)
    const above = membership.parent === undefined ? undefined : memberships.get(membership.parent)
    const [state, docket] = [membership.parts.log.state, above?.parts.log.state]
    if (served === undefined || above === undefined || state === undefined || docket === undefined) return
    if (served.parent !== above.group) Object.assign(served, { climb: climbOf(membership.group), parent: above.group })
    if (docket.groups.get(membership.group)?.awaited === true) return
    const alive = delegatesOf(docket, membership.group).filter((peer) => peer === self || above.parts.members.isAlive(peer))
    const rank = alive.toSorted().indexOf(self)
    // Who does not speak for the group raises nothing in its name.
    if (rank < 0) return
    const nowMs = clock.monotonicMs()
    const effects = served.climb.look(belowOf(state), (as) => aboveOf(docket.alerts.get(as)), rank, nowMs)
    for (const effect of effects) this.#carryOut(effect, membership, above)
    served.timer?.cancel()
    const next = served.climb.nextLookMs(rank)
    if (next !== undefined) served.timer = clock.after(Math.max(1, next - nowMs), () => this.#look(membership))
  }

  #carryOut(effect: ClimbEffect, membership: Membership, above: Membership): void {
    const { logger, clock, self } = this.#c
    const by = { author: self, atMs: Math.round(clock.wallMs()) }
    const decide = (where: Membership, operation: Operation): void => {
      where.parts.decisions
        .decide(operation)
        .catch((error: unknown) =>
          logger.debug({ group: where.group, op: operation.op, error: messageOf(error) }, 'an alert could not be carried across'),
        )
    }
    if (effect.type === 'acknowledge') {
      decide(membership, { op: 'alert:acknowledge', id: effect.id, reason: 'acknowledged in the group above', ...by })
    } else if (effect.type === 'resolve') decide(above, { op: 'alert:resolve', id: effect.as, reason: effect.reason, ...by })
    else {
      const alert = membership.parts.log.state?.alerts.get(effect.id)
      const name = above.parts.log.state?.groups.get(membership.group)?.name
      if (alert !== undefined && name !== undefined)
        decide(above, { op: 'alert:raise', id: effect.as, ...this.#raised(alert, membership, name), ...by })
    }
  }

  /** The child group is the unit that hurts; the text says what in it. */
  #raised({ feeling, severity, subject, unit, text, count, onsetMs, lastMs }: AlertRecord, { parts }: Membership, name: string) {
    const where = `in ${parts.records.path}${unit === undefined ? '' : `, unit ${unit}`}`
    const said = plainText(text === '' ? where : `${where}: ${text}`, TEXT_LENGTH_MAX)
    return {
      feeling,
      severity,
      subject,
      text: said,
      count,
      onsetMs,
      lastMs,
      system: 'system1',
      origin: 'organ',
      unit: name,
    } as const
  }
}

function climbOf(group: GroupId): AlertClimb {
  return new AlertClimb({ idAbove: (id) => sha256Hex(Buffer.from(`${group} ${id}`)).slice(0, ID_LENGTH) })
}

function belowOf({ alerts }: GroupState): AlertBelow[] {
  return alerts.entries().flatMap(([id, { feeling, severity, climbedAtMs, acknowledged, closed }]) =>
    feeling === 'pleasure'
      ? []
      : [
          {
            id,
            severity,
            isOverdue: climbedAtMs !== undefined,
            isAcknowledged: acknowledged !== undefined,
            closed: closed === undefined ? undefined : closed.reason || 'over',
          },
        ],
  )
}

function aboveOf(alert: AlertRecord | undefined): AlertAbove | undefined {
  return alert === undefined
    ? undefined
    : { isAcknowledged: alert.acknowledged !== undefined, isClosed: alert.closed !== undefined }
}
