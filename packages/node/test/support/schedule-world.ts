import {
  applyEntry,
  type ApplyResult,
  type Authority,
  encodeOperation,
  type Endorsement,
  FEATURE_LEVEL,
  foundGroup,
  type GroupState,
  type Operation,
} from '@vsmcp/consensus'
import { type Random, randomInteger, seededRandom } from '@vsmcp/kernel'
import {
  dueNow,
  dueTime,
  type ExecutorEffect,
  OccurrenceExecutor,
  type OccurrenceMark,
  type OccurrenceRef,
  reachedByMost,
  type Timetable,
} from '@vsmcp/vsm'
import { DUE_AHEAD_MS } from '../../src/constants.ts'
import { objectionToOperation } from '../../src/system5/endorsement/judge-operation.ts'
import type { EndorsedOperation } from '../../src/system5/endorsement/request.ts'

/** Every ten seconds. */
export const PERIOD_MS = 10_000

export const TIMETABLE: Timetable = {
  next: (afterMs) => (Math.floor(afterMs / PERIOD_MS) + 1) * PERIOD_MS,
  last: (untilMs, afterMs, limit) => {
    const all: number[] = []
    for (let at = (Math.floor(afterMs / PERIOD_MS) + 1) * PERIOD_MS; at <= untilMs; at += PERIOD_MS) all.push(at)
    return all.slice(-limit)
  },
}

/** What is broken, to see it caught. */
export type Fault =
  | 'begins before the disk has it'
  | 'names an occurrence by the time it was noticed'
  | 'goes by its own clock alone, and voters by none'
  | 'nothing'

/** Signatures are tested where they are made; here what counts is who signs what. */
const AUTHORITY: Authority = {
  verifySignature: () => true,
  digest: () => '',
  verifyCertificate: () => false,
  linksAnchored: () => 0,
}
export const PEERS = ['a', 'b', 'c'] as const
const BY_NO_CLOCK: Fault = 'goes by its own clock alone, and voters by none'

interface Node {
  readonly peer: string
  /** How much of the log it has applied. */
  applied: number
  executor: OccurrenceExecutor
  isUp: boolean
  life: number
  /** By its own clock, which jumps. */
  skewMs: number
  /** What the disk holds after a crash. */
  readonly disk: Map<string, OccurrenceMark>
}

export interface Begun {
  readonly run: OccurrenceRef
  readonly peer: string
}

/**
 * A group's log as consensus promises it: one order of entries, each node having applied some of them. A proposal is committed, or lost,
 * and whoever made it may never hear which. Leaders crash, two may believe to lead at once; executors crash and lose what was not fsynced;
 * clocks jump. The docket, the planner and the executor are the real ones.
 */
export class ScheduleWorld {
  readonly begun: Begun[] = []
  leaderCrashes = 0
  executorCrashes = 0
  readonly #random: Random
  readonly #fault: Fault
  readonly #states: GroupState[]
  readonly #results: ApplyResult[] = []
  readonly #nodes: Node[]
  readonly #later: { atMs: number; act: () => void }[] = []
  #leader = 'a'
  #nowMs = 1_000_000

  constructor(seed: number, fault: Fault, schedule: { idempotent: boolean; missed: 'skip' | 'once' | 'all' }) {
    this.#random = seededRandom(seed)
    this.#fault = fault
    this.#states = [foundedGroup()]
    this.#nodes = PEERS.map((peer) => this.#born(peer))
    this.#commit({
      op: 'schedule:add',
      name: 'job',
      cron: '*/10 * * * * *',
      timezone: 'UTC',
      tool: 'unit__tool',
      argsJson: '{}',
      timeoutMs: 60_000,
      author: 'a',
      atMs: this.#nowMs,
      ...schedule,
    })
  }

  /** The docket as of the last entry committed. */
  get state(): GroupState {
    return this.#states.at(-1) as GroupState
  }

  /** Lives until so many leaders have crashed. */
  storm(leaderCrashes: number): void {
    while (this.leaderCrashes < leaderCrashes) this.#step(true)
  }

  /** The clock of one node runs so far ahead from now on, or is right again, and it leads. */
  putAhead(peer: string, skewMs: number): void {
    for (const node of this.#nodes) node.skewMs = node.peer === peer ? skewMs : 0
    this.#leader = peer
  }

  /** Time by a clock that is right. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** Nothing fails any more. */
  calm(steps: number): void {
    for (const node of this.#nodes) this.#revive(node)
    for (let i = 0; i < steps; i++) this.#step(false)
  }

  #step(mayFail: boolean): void {
    this.#nowMs += randomInteger(this.#random, 1, 400)
    for (let i = 0; i < this.#later.length;) {
      const each = this.#later[i]
      if (each === undefined || each.atMs > this.#nowMs) i++
      else {
        this.#later.splice(i, 1)
        each.act()
      }
    }
    if (mayFail) this.#fail()
    for (const node of this.#nodes) {
      if (!node.isUp) continue
      if (this.#chance(0.5)) node.applied = randomInteger(this.#random, node.applied, this.#states.length - 1)
      this.#carryOut(node, node.executor.follow(this.#seenBy(node).schedules.entries(), this.#wallOf(node)))
      // Also one that has been replaced and does not know.
      if (node.peer === this.#leader || (mayFail && this.#chance(0.02))) this.#lead(node, mayFail)
    }
  }

  #fail(): void {
    const node = this.#nodes[randomInteger(this.#random, 0, 2)]
    if (node === undefined) return
    if (!node.isUp) {
      if (this.#chance(0.1)) this.#revive(node)
    } else if (this.#chance(0.02)) this.#crash(node)
    else if (this.#chance(0.01)) node.skewMs = randomInteger(this.#random, -30_000, 30_000)
    if (this.#chance(0.01)) this.#leader = PEERS[randomInteger(this.#random, 0, 2)] ?? 'a'
  }

  #crash(node: Node): void {
    if (node.peer === this.#leader) this.leaderCrashes++
    const { run } = this.state.schedules.get('job') ?? {}
    if (run?.executor === node.peer) this.executorCrashes++
    node.isUp = false
    node.life++
    if (node.peer === this.#leader) this.#leader = PEERS.find((peer) => peer !== node.peer) ?? 'a'
  }

  #revive(node: Node): void {
    if (node.isUp) return
    node.isUp = true
    // What was applied is not on disk: it may begin anywhere before.
    node.applied = randomInteger(this.#random, 0, node.applied)
    node.executor = new OccurrenceExecutor(node.peer, node.disk.values())
  }

  #lead(node: Node, mayFail: boolean): void {
    const state = this.#seenBy(node)
    const schedule = state.schedules.get('job')
    if (schedule === undefined) return
    const of = { name: 'job', addedAtIndex: schedule.addedAtIndex }
    const wallMs = this.#wallOf(node)
    const due = dueNow(schedule, TIMETABLE, this.#dueTime(node))
    const executor = PEERS[randomInteger(this.#random, 0, 2)] ?? 'a'
    if (due !== undefined) {
      const isFaulty = this.#fault === 'names an occurrence by the time it was noticed'
      const times = isFaulty ? due.times.map((_, i) => wallMs - due.times.length + 1 + i) : due.times
      const operation = { op: 'occurrence:due', ...of, ...due, times, executor } as const
      const endorsements = this.#borneOut(operation)
      this.#propose(node, { ...operation, endorsements, author: node.peer, atMs: wallMs })
    }
    const [timeMs] = schedule.queue
    const { run } = schedule
    if (run === undefined || timeMs === undefined) return
    const isGone = this.#nodes.find(({ peer }) => peer === run.executor)?.isUp !== true
    // Sometimes the voters are wrong, too.
    if (!this.#chance(isGone ? 0.2 : mayFail ? 0.005 : 0)) return
    const ref = { ...of, timeMs, attempt: run.attempt, author: node.peer, atMs: wallMs }
    if (run.takenAtIndex === undefined) this.#propose(node, { op: 'occurrence:assign', ...ref, executor })
    else {
      const endorsements = ['a', 'b'].map((peer) => ({ peer, signature: 'AAAA' }))
      this.#propose(node, { op: 'occurrence:lose', ...ref, endorsements })
    }
  }

  /** Members hear one another's clocks, be they up or not: an old report tells as much. */
  #dueTime(node: Node): number {
    const clocks = this.#nodes.map((each) => this.#wallOf(each))
    const known = this.#fault === BY_NO_CLOCK ? undefined : reachedByMost(clocks, clocks.length)
    return dueTime(this.#wallOf(node), known, DUE_AHEAD_MS)
  }

  #borneOut(operation: EndorsedOperation): Endorsement[] {
    const judges = this.#nodes.filter((node) => {
      if (this.#fault === BY_NO_CLOCK) return true
      const judgement = {
        state: this.#seenBy(node),
        sees: () => ({ state: 'alive', forMs: 0 }) as const,
        nowMs: this.#wallOf(node),
        objectionToClaim: () => undefined,
      }
      return node.isUp && objectionToOperation(operation, judgement) === undefined
    })
    return judges.map(({ peer }) => ({ peer, signature: 'AAAA' }))
  }

  #carryOut(node: Node, effects: readonly ExecutorEffect[]): void {
    for (const effect of effects) {
      const { executor } = node
      const wallMs = this.#wallOf(node)
      if (effect.type === 'take') {
        const { run } = effect
        this.#propose(node, { op: 'occurrence:take', ...run, author: node.peer, atMs: wallMs }, (isDone) =>
          executor.taken(run, isDone, this.#wallOf(node)),
        )
      } else if (effect.type === 'tell') {
        const { run, ending } = effect
        this.#propose(node, { op: 'occurrence:end', ...run, ...ending, author: node.peer, atMs: wallMs }, (isDone) =>
          executor.told(run, isDone, this.#wallOf(node)),
        )
      } else if (effect.type === 'write') this.#write(node, effect.mark)
      else if (effect.type === 'forget') node.disk.delete('job')
      else {
        const { run } = effect
        this.begun.push({ run, peer: node.peer })
        this.#soon(node, () => executor.ended(run, { outcome: 'done', reason: '', startedAtMs: wallMs, endedAtMs: wallMs + 1 }))
      }
    }
  }

  #write(node: Node, mark: OccurrenceMark): void {
    const { executor } = node
    const isTooSoon = this.#fault === 'begins before the disk has it' && mark.ending === undefined
    if (isTooSoon) this.#carryOut(node, executor.written(mark.run, true, this.#wallOf(node)))
    this.#soon(node, () => {
      node.disk.set('job', mark)
      return isTooSoon ? [] : executor.written(mark.run, true, this.#wallOf(node))
    })
  }

  /** Later, unless the node is dead by then, or has another life. */
  #soon(node: Node, act: () => readonly ExecutorEffect[]): void {
    const { life } = node
    this.#later.push({
      atMs: this.#nowMs + randomInteger(this.#random, 1, 3_000),
      act: () => {
        if (node.life === life && node.isUp) this.#carryOut(node, act())
      },
    })
  }

  /** Committed, lost, or committed without the answer ever coming; and whoever asked has applied it when it hears. */
  #propose(node: Node, operation: Operation, answer: (isDone: boolean) => readonly ExecutorEffect[] = () => []): void {
    const fate = this.#random.next()
    const { life } = node
    this.#later.push({
      atMs: this.#nowMs + randomInteger(this.#random, 1, 1_500),
      act: () => {
        const at = fate < 0.8 ? this.#commit(operation) : undefined
        if (!node.isUp || node.life !== life) return
        if (at === undefined || fate > 0.7) this.#carryOut(node, answer(false))
        else {
          node.applied = Math.max(node.applied, at)
          this.#carryOut(node, answer(this.#results[at]?.ok === true))
        }
      },
    })
  }

  #commit(operation: Operation): number {
    const index = this.#states.length
    const entry = { index, term: 1, type: 'normal', data: encodeOperation(operation) } as const
    const { state, result } = applyEntry(this.state, entry, AUTHORITY)
    this.#states.push(state)
    this.#results[index] = result
    return index
  }

  #seenBy(node: Node): GroupState {
    return this.#states[node.applied] ?? this.state
  }

  #wallOf({ skewMs }: Node): number {
    return this.#nowMs + skewMs
  }

  #chance(of: number): boolean {
    return this.#random.next() < of
  }

  #born(peer: string): Node {
    return { peer, applied: 0, executor: new OccurrenceExecutor(peer), isUp: true, life: 1, skewMs: 0, disk: new Map() }
  }
}

/** Three voters, at the level of this version. */
export function foundedGroup(): GroupState {
  const founder = { peer: 'a', name: 'a', role: 'member', zone: '', addresses: [], joinedAtMs: 1 } as const
  const charter = {
    meshId: '00112233445566778899aabbccddeeff',
    meshName: 'test',
    meshPublicKey: 'AAAA',
    groupId: 'root',
    path: '/',
    epoch: 1,
    featureLevel: FEATURE_LEVEL,
    voters: ['a'],
    policies: {},
    operators: [],
    revocations: [],
    zones: [],
  }
  const state = foundGroup(charter, founder)
  const member = { name: 'x', role: 'member', zone: '', joinedAtIndex: 1, joinedAtMs: 1, addresses: [] } as const
  const members = PEERS.reduce((all, peer) => all.with(peer, member), state.members)
  return { ...state, members, configuration: { ...state.configuration, voters: [...PEERS] } }
}
