import type { GroupId } from '@vsmcp/kernel'
import {
  foldFigures,
  type GroupFigures,
  type GroupNow,
  type RecursionEffect,
  type RecordAlert,
  ToolFilter,
  type UnitReport,
  varietyOf,
} from '@vsmcp/vsm'
import { digestOf, signatureOf } from '../authority.ts'
import { bytesOf } from '../bytes.ts'
import type { Seat } from './seat.ts'
import { wireSize } from './wire-size.ts'
import type { NestedWorld } from './world.ts'

/** Milliseconds between questions what calls its members' clients made. */
const VARIETY_PERIOD_MS = 10_000

const IDLE: GroupFigures = {
  windowMs: 5_000,
  calls: 0,
  errors: 0,
  turnedAway: 0,
  inFlight: 0,
  queued: 0,
  latencyMs: null,
  actuality: 0,
  capability: null,
  potentiality: null,
}

/** What a leader says for its group: to the parent, and to the groups below. */
export class Voice {
  readonly #world: NestedWorld
  readonly #seat: Seat
  #tools: { readonly version: number; readonly filter: ToolFilter } | undefined
  #askedMs = Number.NEGATIVE_INFINITY

  constructor(world: NestedWorld, seat: Seat) {
    this.#world = world
    this.#seat = seat
  }

  speak(): void {
    const { group, recursion, raft, state } = this.#seat
    const { wallMs } = this.#world
    if (state === undefined || !this.#seat.isLeader || !recursion.maySpeak(wallMs)) return
    const { term } = raft.status()
    const children = group.children.map(({ id, path }) => ({ group: id, path, directives: [] }))
    const effects = recursion.speak({ epoch: state.charter.epoch, term }, this.#now(), group.parent?.id, children, wallMs)
    for (const effect of effects) this.#handOver(effect)
  }

  /** Delegates of this group carry what goes up; those of a child what goes down to it. */
  #handOver(effect: RecursionEffect): void {
    if (effect.type === 'record:expired') return
    const { node, group, offers } = this.#seat
    const { bytes } = effect
    if (this.#world.watch.verdict !== undefined) this.#world.said.add(digestOf(bytes))
    const isUp = effect.type === 'record:up'
    const about: GroupId = isUp ? group.id : effect.group
    const { epoch, term, sequence } = effect.record
    const record = {
      about,
      order: { epoch, term, sequence },
      bytes,
      voice: node.id,
      signature: signatureOf({ peer: node.id }, bytes),
    }
    const into = isUp ? group.parent?.id : effect.group
    const delegates = isUp
      ? [...offers].filter(([, { isDelegate }]) => isDelegate).map(([peer]) => peer)
      : this.#seat.delegatesOf(effect.group)
    for (const peer of delegates) {
      const delegate = this.#world.node(peer)
      const seat = into === undefined ? undefined : delegate?.seats.get(into)
      if (delegate === undefined || seat === undefined) continue
      const carry = (): void => seat.organs.carry(record)
      if (delegate === node) carry()
      else this.#world.send(node, delegate, 'records', wireSize(record), carry)
    }
  }

  /** Asks the members of the group for their counts of calls. */
  askVarieties(): void {
    const { node, group, organs } = this.#seat
    if (this.#world.nowMs - this.#askedMs < VARIETY_PERIOD_MS) return
    this.#askedMs = this.#world.nowMs
    organs.varieties.set(node.id, node.variety.counts(this.#world.nowMs))
    for (const number of group.home) {
      const other = this.#world.nodes[number]
      if (other === undefined || other === node) continue
      this.#world.send(node, other, 'reports', 1, () => {
        const counts = other.variety.counts(this.#world.nowMs)
        this.#world.send(other, node, 'reports', wireSize(counts), () => organs.varieties.set(other.id, counts))
      })
    }
  }

  #now(): GroupNow {
    const { group, state, organs } = this.#seat
    const charter = state?.charter
    const evictions = charter?.revocations.map(({ peer, untilMs, atMs }) => ({ peer, group: group.id, atMs, untilMs })) ?? []
    const tools = this.#ownTools()
    const members = state?.members.entries().filter(([, { delegateOf }]) => delegateOf === undefined).length ?? 0
    const alive = [...organs.reports].filter(([peer]) => this.#seat.isAlive(peer))
    return {
      path: group.path,
      members: Math.max(1, members),
      figures: foldFigures([IDLE, ...alive.map(([, report]) => figuresOf(report))]),
      variety: varietyOf([...organs.varieties.values()].flat()),
      alerts: this.#alerts(),
      exports: digestOf(bytesOf(tools.toText())).repeat(4),
      tools,
      evictions,
      lineage: group.lineage,
      charter: { version: 1, digest: digestOf(bytesOf(group.id)).repeat(4) },
      followed: [],
    }
  }

  #ownTools(): ToolFilter {
    const { organs } = this.#seat
    if (this.#tools?.version !== organs.offersVersion) {
      this.#tools = { version: organs.offersVersion, filter: ToolFilter.of(organs.tools) }
    }
    return this.#tools.filter
  }

  #alerts(): RecordAlert[] {
    const { group, state } = this.#seat
    const open = state?.alerts.entries().filter(([, { closed }]) => closed === undefined) ?? []
    // What climbed from a child is in the child's own record.
    const own = open.filter(([, { unit }]) => unit === undefined || !group.children.some(({ name }) => name === unit))
    return own.map(([id, { severity, subject, onsetMs, acknowledged }]) => ({
      id,
      severity,
      system: 'system1',
      origin: 'organ',
      subject,
      onsetMs,
      isAcknowledged: acknowledged !== undefined,
      group: group.id,
    }))
  }
}

function figuresOf({ windowMs, calls, errors, inFlight, latencyP50Ms, measured }: UnitReport): GroupFigures {
  return {
    windowMs,
    calls,
    errors,
    turnedAway: measured?.turnedAway ?? 0,
    inFlight,
    queued: measured?.queued ?? 0,
    latencyMs: latencyP50Ms,
    actuality: measured?.actuality ?? 0,
    capability: measured?.capability ?? null,
    potentiality: measured?.potentiality ?? null,
  }
}
