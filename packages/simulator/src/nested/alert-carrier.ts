import { AlertClimb, type ClimbEffect } from '@vsmcp/vsm'
import { digestOf } from '../authority.ts'
import { bytesOf } from '../bytes.ts'
import type { Seat } from './seat.ts'
import type { NestedWorld } from './world.ts'

/** Carries pain between a node's home and the parent of it, where it is a delegate. */
export class AlertCarrier {
  readonly #world: NestedWorld
  readonly #seat: Seat
  readonly #climb: AlertClimb
  #wakeAtMs = Number.POSITIVE_INFINITY

  constructor(world: NestedWorld, seat: Seat) {
    this.#world = world
    this.#seat = seat
    this.#climb = new AlertClimb({ idAbove: (id) => digestOf(bytesOf(`${seat.group.id} ${id}`)) })
  }

  look(): void {
    const { node, state, group } = this.#seat
    const { above } = node
    if (above?.state === undefined || node.home !== this.#seat || state === undefined || !this.#seat.isOpen) return
    const { nowMs } = this.#world
    const below = state.alerts.entries().map(([id, { severity, climbedAtMs, acknowledged, closed }]) => ({
      id,
      severity,
      isOverdue: climbedAtMs !== undefined,
      isAcknowledged: acknowledged !== undefined,
      closed: closed?.reason,
    }))
    const alive = above.delegatesOf(group.id).filter((peer) => this.#seat.isAlive(peer))
    const rank = Math.max(0, alive.indexOf(node.id))
    const docket = above.state.alerts
    const seen = (as: string) => {
      const alert = docket.get(as)
      return alert === undefined
        ? undefined
        : { isAcknowledged: alert.acknowledged !== undefined, isClosed: alert.closed !== undefined }
    }
    for (const effect of this.#climb.look(below, seen, rank, nowMs)) this.#carryOut(effect, above)
    this.#wake(this.#climb.nextLookMs(rank))
  }

  #carryOut(effect: ClimbEffect, above: Seat): void {
    const { node, state, group } = this.#seat
    const by = { author: node.id, atMs: this.#world.wallMs }
    if (effect.type === 'resolve') above.propose({ op: 'alert:resolve', id: effect.as, reason: effect.reason, ...by })
    else if (effect.type === 'acknowledge') {
      this.#seat.propose({ op: 'alert:acknowledge', id: effect.id, reason: 'acknowledged above', ...by })
    } else {
      const alert = state?.alerts.get(effect.id)
      if (alert === undefined) return
      const { feeling, severity, subject, text, count, onsetMs, lastMs } = alert
      const said = { feeling, severity, subject, text, count, onsetMs, lastMs, system: 'system1', origin: 'organ' } as const
      above.propose({ op: 'alert:raise', id: effect.as, ...said, unit: group.name, ...by })
    }
  }

  #wake(atMs: number | undefined): void {
    if (atMs === undefined || (atMs >= this.#wakeAtMs && this.#wakeAtMs > this.#world.nowMs)) return
    this.#wakeAtMs = Math.max(atMs, this.#world.nowMs + 1)
    const planned = this.#wakeAtMs
    this.#world.at(planned, () => {
      if (this.#wakeAtMs === planned) this.look()
    })
  }
}
