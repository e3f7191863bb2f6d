import type { ResourceClaim } from '@vsmcp/consensus'
import type { ClaimedResource, PeerIdString, UnitName } from '@vsmcp/kernel'
import { type ClaimEffect, ClaimHolder, contended } from '@vsmcp/vsm'
import type { CellUnit, Job } from './cell.ts'
import type { Docket } from './docket.ts'
import type { Timeline } from './timeline.ts'

interface Held extends Job {
  readonly id: number
  isGranted: boolean
  isOver: boolean
  beganMs: number | undefined
}

export interface ClaimingUnitInit {
  readonly unit: UnitName
  readonly peer: PeerIdString
  readonly resources: readonly string[]
}

/** With System 2: the unit works under a claim of all its machines, which the group's docket grants; `ClaimHolder` says when. */
export class ClaimingUnit implements CellUnit {
  readonly #timeline: Timeline
  readonly #init: ClaimingUnitInit
  readonly #docket: Docket
  readonly #resources: readonly ClaimedResource[]
  readonly #jobs = new Map<number, Held>()
  #holder: ClaimHolder
  #claims: readonly ResourceClaim[] = []
  #working: Held | undefined
  #lastJob = 0
  #isAlive = true
  #wakeMs = Number.POSITIVE_INFINITY

  constructor(timeline: Timeline, init: ClaimingUnitInit, docket: Docket) {
    this.#timeline = timeline
    this.#init = init
    this.#docket = docket
    this.#resources = init.resources.toSorted().map((resource) => ({ resource, shared: false }))
    this.#holder = new ClaimHolder(this.#resources)
    docket.follow(init.peer, (claims) => this.#follow(claims))
  }

  do(job: Job): void {
    const held: Held = { ...job, id: ++this.#lastJob, isGranted: false, isOver: false, beganMs: undefined }
    this.#jobs.set(held.id, held)
    this.#timeline.at(job.deadlineMs, () => this.#end(held, false))
    this.#act(this.#holder.call(held.id, this.#timeline.nowMs))
  }

  die(): void {
    this.#isAlive = false
    for (const held of this.#jobs.values()) {
      held.isOver = true
      held.onEnd(false, this.#heldFor(held))
    }
    this.#jobs.clear()
    this.#working = undefined
  }

  comeBack(): void {
    this.#isAlive = true
    this.#holder = new ClaimHolder(this.#resources)
    this.#follow(this.#claims)
  }

  #follow(claims: readonly ResourceClaim[]): void {
    this.#claims = claims
    if (!this.#isAlive) return
    const own = this.#own()
    this.#act(this.#holder.follow(own, own !== undefined && contended(claims).includes(own), this.#timeline.nowMs))
  }

  #own(): ResourceClaim | undefined {
    const { peer, unit } = this.#init
    return this.#claims.find((claim) => claim.peer === peer && claim.unit === unit)
  }

  #act(effects: readonly ClaimEffect[]): void {
    for (const effect of effects) this.#carryOut(effect)
    const nextMs = this.#holder.nextTickAtMs()
    if (!Number.isFinite(nextMs) || nextMs >= this.#wakeMs) return
    this.#wakeMs = nextMs
    this.#timeline.at(nextMs, () => {
      if (this.#wakeMs > nextMs) return
      this.#wakeMs = Number.POSITIVE_INFINITY
      if (this.#isAlive) this.#act(this.#holder.tick(this.#timeline.nowMs))
    })
  }

  #carryOut(effect: ClaimEffect): void {
    const { peer, unit } = this.#init
    const { nowMs } = this.#timeline
    const holder = this.#holder
    const ifAlive = (effects: () => readonly ClaimEffect[]): void => {
      if (this.#isAlive && holder === this.#holder) this.#act(effects())
    }
    if (effect.type === 'begin') {
      const held = this.#jobs.get(effect.call)
      if (held !== undefined) held.isGranted = true
      this.#work()
    } else if (effect.type === 'cut') {
      const held = this.#jobs.get(effect.call)
      if (held !== undefined) this.#end(held, false)
    } else if (effect.type === 'note') this.#act(holder.noted(effect.token, nowMs))
    else if (effect.type === 'confirm') {
      this.#docket.read(peer, (claims) => {
        if (claims === undefined) return ifAlive(() => holder.decided(false, this.#timeline.nowMs))
        this.#claims = claims
        ifAlive(() => holder.confirmed(this.#own(), this.#timeline.nowMs))
      })
    } else {
      const of = { unit, author: peer, atMs: 0 }
      const operation =
        effect.type === 'ask'
          ? ({ op: 'claim:ask', ...of, resources: this.#resources } as const)
          : ({ op: 'claim:release', ...of, askedAtIndex: effect.askedAtIndex, again: effect.again } as const)
      this.#docket.propose(peer, operation, (isDone) => ifAlive(() => holder.decided(isDone, this.#timeline.nowMs)))
    }
  }

  #work(): void {
    if (this.#working !== undefined) return
    const next = [...this.#jobs.values()].find(({ isGranted }) => isGranted)
    if (next === undefined) return
    this.#working = next
    next.beganMs = this.#timeline.nowMs
    this.#timeline.after(next.workMs, () => this.#end(next, true))
  }

  #end(held: Held, isDone: boolean): void {
    if (held.isOver) return
    held.isOver = true
    this.#jobs.delete(held.id)
    held.onEnd(isDone, this.#heldFor(held))
    if (this.#working === held) this.#working = undefined
    this.#act(this.#holder.ended(held.id, this.#timeline.nowMs))
    this.#work()
  }

  #heldFor({ beganMs }: Held): number {
    return beganMs === undefined ? 0 : this.#timeline.nowMs - beganMs
  }
}
