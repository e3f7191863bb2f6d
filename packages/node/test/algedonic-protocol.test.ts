import { Emitter, type KeyValueStore, type Random, seededRandom, SEVERITIES, type Severity, silentLogger } from '@vsmcp/kernel'
import {
  applyEntry,
  type ApplyResult,
  encodeOperation,
  foundGroup,
  type GroupState,
  type Operation,
  ORGANS_LEVEL,
} from '@vsmcp/consensus'
import { createMemoryStore } from '@vsmcp/store'
import { organ } from '@vsmcp/vsm'
import { expect, it } from 'vitest'
import { Algedonic } from '../src/algedonic/algedonic.ts'
import type { Decisions, Request } from '../src/system5/decisions.ts'
import type { GroupLog } from '../src/system5/group-log.ts'
import type { GroupSignals } from '../src/topics/group-signals.ts'
import { Hands } from './support/hands.ts'

const UNITS = 6
const SELF = 'a'

/** A group of one member, its docket, and a way there that loses questions and answers. */
class LossyGroup {
  readonly hands = new Hands()
  readonly events = new Emitter<Record<string, unknown>>((error) => {
    throw error
  })
  readonly #random: Random
  readonly kv: KeyValueStore
  state: GroupState
  loses = true
  hasLeader = true
  #index = 1
  /** Answers that are under way. */
  readonly #under: (() => void)[] = []

  constructor(random: Random) {
    this.#random = random
    this.hands.nowMs = 1_800_000_000_000
    this.kv = createMemoryStore()
    const charter = {
      meshId: '00112233445566778899aabbccddeeff',
      meshName: 'test',
      meshPublicKey: 'AAAA',
      groupId: 'root',
      path: '/',
      epoch: 1,
      featureLevel: ORGANS_LEVEL,
      voters: [SELF],
      policies: {},
      operators: [],
      revocations: [],
      zones: [],
    }
    this.state = foundGroup(charter, { peer: SELF, name: 'a', role: 'member', zone: '', addresses: [], joinedAtMs: 1 })
    const invitation = {
      id: 'i',
      verifier: 'AAAA',
      role: 'member',
      zone: '',
      uses: 1,
      expiresAtMs: 2e12,
      createdBy: SELF,
    } as const
    this.apply({ op: 'invitation:create', ...invitation })
    this.apply({ op: 'invitation:redeem', id: 'i', peer: 'b', name: 'b' })
  }

  /** Another life of the node, on the same disk. */
  async node(): Promise<Algedonic> {
    const stateNow = (): GroupState => this.state
    const log = {
      get state() {
        return stateNow()
      },
      status: () => (this.hasLeader ? { leader: SELF } : {}),
      on: (event: string, listener: (payload: unknown) => void) => this.events.on(event, listener),
    }
    const algedonic = new Algedonic({
      self: SELF,
      kv: this.kv,
      log: log as unknown as GroupLog,
      decisions: { propose: (request: Request) => this.#propose(request) } as unknown as Decisions,
      signals: { say: () => {} } as unknown as GroupSignals,
      clock: this.hands.clock,
      random: this.#random,
      logger: silentLogger,
    })
    await algedonic.start()
    return algedonic
  }

  apply(request: Request, author = SELF): ApplyResult {
    const operation = { ...request, author, atMs: Math.round(this.hands.nowMs) } as Operation
    const before = this.state
    const entry = { index: ++this.#index, term: 1, type: 'normal' as const, data: encodeOperation(operation) }
    const { state, result, effects } = applyEntry(before, entry)
    this.state = state
    this.events.emit('entry:applied', { ...entry, before, state, effects })
    return result
  }

  /** Some of what is under way arrives. */
  async settle(all: boolean): Promise<void> {
    for (;;) {
      for (const arrive of this.#under.splice(0)) {
        if (all || this.#random.next() < 0.6) arrive()
        else this.#under.push(arrive)
      }
      for (let turn = 0; turn < 8; turn++) await Promise.resolve()
      if (!all || this.#under.length === 0) return
    }
  }

  openAlerts(): string[] {
    return this.state.alerts
      .entries()
      .flatMap(([, { closed, unit = '', subject }]) => (closed === undefined ? [`${unit} ${subject}`] : []))
      .toSorted()
  }

  #propose(request: Request): Promise<ApplyResult> {
    const { promise, resolve, reject } = Promise.withResolvers<ApplyResult>()
    this.#under.push(() => {
      const luck = this.loses ? this.#random.next() : 1
      if (!this.hasLeader || luck < 0.2) {
        reject(new Error('nobody decided'))
        return
      }
      const result = this.apply(request)
      if (luck < 0.4) reject(new Error('the answer was lost'))
      else resolve(result)
    })
    return promise
  }
}

it.each(Array.from({ length: 30 }, (_, at) => at + 1))(
  'whatever is lost, restarted or resolved by people meanwhile, node and group agree in the end on what hurts: seed %i',
  async (seed) => {
    const random = seededRandom(seed)
    const dice = (sides: number): number => Math.floor(random.next() * sides)
    const group = new LossyGroup(random)
    let node = await group.node()
    const hurts = new Set<string>()
    const what = (unit: number) => ({ source: organ('system1', `u${unit}`), subject: 'trouble' })
    for (let step = 0; step < 250; step++) {
      const unit = dice(UNITS)
      const roll = dice(12)
      if (roll < 4) {
        const severity: Severity = SEVERITIES[dice(3)] ?? 'low'
        const felt = node.feel({ ...what(unit), feeling: 'pain', severity, text: `step ${step}` })
        if (felt.outcome !== 'refused') hurts.add(`u${unit} trouble`)
      } else if (roll < 7) {
        node.remedy(what(unit), 'well again')
        hurts.delete(`u${unit} trouble`)
      } else if (roll === 7 && dice(4) === 0) {
        await node.stop()
        node = await group.node()
      } else if (roll === 8) {
        const open = group.state.alerts.entries().filter(([, { closed }]) => closed === undefined)
        const [id, alert] = open[dice(open.length)] ?? []
        if (id !== undefined && alert !== undefined) {
          group.apply({ op: 'alert:resolve', id, reason: 'a person says so' }, 'b')
          hurts.delete(`${alert.unit} trouble`)
        }
      } else if (roll === 9) {
        group.hasLeader = !group.hasLeader
        if (group.hasLeader) group.events.emit('leader:changed', { leader: SELF })
      }
      group.hands.pass(dice(2_500))
      await group.settle(false)
      expect(new Set(group.openAlerts()).size, 'open twice').toBe(group.openAlerts().length)
    }
    group.loses = false
    group.hasLeader = true
    group.events.emit('leader:changed', { leader: SELF })
    // Longer than any term and any back-off; in all shorter than what is not felt again after a restart is held.
    for (let round = 0; round < 20; round++) {
      await group.settle(true)
      group.hands.pass(10_000)
    }
    await group.settle(true)
    const held = node.held
      .filter(({ level }) => level === 'group')
      .map(({ source: { unit = '' }, subject }) => `${unit} ${subject}`)
    expect(group.openAlerts()).toEqual(held.toSorted())
    expect(node.held.filter(({ remedied }) => remedied !== undefined)).toEqual([])
    // What a person resolved while it was being felt again may have come back; what hurts is never missing.
    for (const pain of hurts) {
      expect(
        node.held.map(({ source: { unit = '' }, subject }) => `${unit} ${subject}`),
        pain,
      ).toContain(pain)
    }
    await node.stop()
  },
)
