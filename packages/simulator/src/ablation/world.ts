import { type PeerIdString, seededRandom, type UnitName } from '@vsmcp/kernel'
import type { Auditable } from '@vsmcp/vsm'
import { Chance } from './chance.ts'
import type { CellUnit } from './cell.ts'
import { ChatFleet } from './chat-fleet.ts'
import { ClaimingUnit } from './claiming-unit.ts'
import { connectClients } from './clients.ts'
import { MOVE_MS, NODES_PER_SITE, REMEDY_GAP_MS, RESTART_MS, SYNERGY_TICK_MS, SERVICES, SITES } from './constants.ts'
import { Group } from './group.ts'
import { Incidents } from './incidents.ts'
import { Locks, LockingUnit } from './locking-unit.ts'
import { SimulatedNode } from './node.ts'
import { Regulation } from './regulation.ts'
import { type Catalog, type Provider, Router } from './routing.ts'
import { Swings } from './swings.ts'
import { Tally } from './tally.ts'
import { Timeline } from './timeline.ts'
import { SimulatedUnit } from './unit.ts'
import type { Organs } from './variant.ts'

/** Machines of a cell by the unit that works with them, in the order in which its work needs them. */
const CELL_UNITS = [
  ['weld', ['arm']],
  ['paint', ['arm', 'camera']],
  ['inspect', ['camera', 'arm']],
] as const

const REPLICATED = ['search', 'quote'] as const

/** A call of an auditor: it lists tools. */
const PROBE_WORK_MS = 5
const PROBE_DEADLINE_MS = 10_000

/** A simulated node with what belongs to it. */
interface Member {
  readonly node: SimulatedNode
  readonly regulation: Regulation
  readonly router: Router
  readonly group: Group
}

/** One life of the mesh: clients, nodes, units and what befalls them, regulated by the organs it is given. */
export class World implements Catalog {
  readonly timeline = new Timeline()
  readonly tally = new Tally()
  readonly swings = new Swings()
  readonly incidents: Incidents
  readonly #organs: Organs
  readonly #seed: number
  readonly #members: Member[] = []
  readonly #groups: Group[] = []
  readonly #providers = new Map<UnitName, readonly Provider[]>()
  #version = 1
  #auditableOf = { version: 0, lists: new Map<SimulatedNode, readonly Auditable[]>() }
  readonly #chat: ChatFleet
  readonly #cells: { readonly unit: CellUnit; readonly member: Member }[] = []
  readonly #reported = new Map<string, { capability: number | null; actuality: number | null; isShort: boolean }>()
  readonly #remediedMs = new Map<UnitName, number>()
  readonly #moved = new Set<UnitName>()

  constructor(seed: number, organs: Organs) {
    this.#seed = seed
    this.#organs = organs
    this.incidents = new Incidents(this.#chance(0))
    this.#found()
    this.#attach()
    this.#chat = new ChatFleet(this.timeline, {
      organs,
      seed: seed * 1_000 + 999,
      swings: this.swings,
      siteOf: (site) => this.#siteOf(site),
      isLinked: (site, other) => this.#isLinked(site, other),
      provide: (unit, providers) => this.#provide(unit, providers),
    })
    this.#buildCells()
    connectClients(this.timeline, {
      chance: (purpose) => this.#chance(purpose),
      siteOf: (site) => this.#siteOf(site),
      cells: this.#cells.map(({ unit, member: { node } }) => ({ unit, node })),
      tally: this.tally,
    })
    this.#befall()
  }

  /** Share of the time of places of `chat` that was paid for and not used. */
  get idleShare(): number {
    return this.#chat.idleShare
  }

  /** Milliseconds that the busiest controller was busy. */
  get busyMs(): number {
    return Math.max(...this.#groups.map(({ inbox }) => inbox.busyMs))
  }

  /** A source of its own for each purpose: what one draws changes nothing for another. */
  #chance(purpose: number): Chance {
    return new Chance(seededRandom(this.#seed * 1_000 + purpose))
  }

  #found(): void {
    const { timeline } = this
    const nodes = Array.from({ length: SITES * NODES_PER_SITE }, (_, i) => {
      const site = Math.floor(i / NODES_PER_SITE)
      return new SimulatedNode(timeline, `site${site}-node${i % NODES_PER_SITE}`, site)
    })
    const sets = this.#organs.recursion
      ? Array.from({ length: SITES }, (_, site) => nodes.filter((node) => node.site === site))
      : [nodes]
    for (const set of sets) {
      const group: Group = new Group(timeline, {
        nodes: set,
        isLinked: (site, other) => this.#isLinked(site, other),
        cutSinceMs: () => this.incidents.cut.fromMs,
        reached: (member, from, report) => this.#memberOf(member.peer).regulation.heard(from, report),
        heard: (from, report) => {
          const { capability = null, actuality = null, queued = 0, turnedAway = 0 } = report.measured ?? {}
          const isShort = queued > 0 || turnedAway > 0
          this.#reported.set(`${report.unit} ${from}`, { capability, actuality, isShort })
          if (report.unit.startsWith('chat')) this.#chat.heard(this.#memberOf(from).node.site, report)
        },
        hurts: (unit) => this.#restart(unit),
        found: (unit) => this.#move(unit),
      })
      this.#groups.push(group)
      for (const node of set) this.#members.push(this.#member(node, group))
    }
  }

  #member(node: SimulatedNode, group: Group): Member {
    const at = this.#members.length
    const regulation: Regulation = new Regulation(this.timeline, {
      node,
      organs: this.#organs,
      chance: this.#chance(100 + at),
      seed: this.#seed * 1_000 + 10 * at,
      up: {
        report: (report) => group.report(node, report),
        exceptions: (units, findings) => group.exceptions(node, units, findings),
        alert: (alert, answered) => group.alert(node, alert, answered),
        resolve: (_id, answered) => group.resolve(node, answered),
      },
      auditable: () => this.#auditable(node, group),
      probe: (target, done) => this.#probe(node, target, done),
      granted: (unit, concurrency) => this.swings.set(`${node.peer} ${unit}`, concurrency, this.timeline.nowMs),
    })
    const router = new Router(this.timeline, {
      self: node,
      catalog: this,
      reported: (unit, peer) => this.#reported.get(`${unit} ${peer}`),
      hasSynergy: this.#organs.control,
      damp: regulation.damp,
      seed: this.#seed * 1_000 + 200 + at,
      onEnded: regulation.called,
    })
    this.timeline.every(SYNERGY_TICK_MS, this.#chance(300 + at).uniform(0, SYNERGY_TICK_MS), () => router.weigh())
    return { node, regulation, router, group }
  }

  #attach(): void {
    for (const { node, regulation } of this.#members) {
      for (const service of REPLICATED) {
        const { errorShare } = SERVICES[service]
        const unit = new SimulatedUnit(this.timeline, {
          name: `${service}-${node.site}`,
          processor: node.processor,
          errorShare,
        })
        node.units.set(unit.name, unit)
        regulation.attach(unit, SERVICES[service], true)
        this.#provide(unit.name, [...this.providersOf(unit.name), { node, unit }])
      }
    }
    for (let site = 0; site < SITES; site++) this.#hostLedger(site, this.#siteOf(site)[1])
  }

  #hostLedger(site: number, member: Member | undefined): void {
    if (member === undefined) return
    const { node, regulation } = member
    const { errorShare } = SERVICES.ledger
    const unit = new SimulatedUnit(this.timeline, { name: `ledger-${site}`, processor: node.processor, errorShare })
    node.units.set(unit.name, unit)
    regulation.attach(unit, SERVICES.ledger, true)
    this.#provide(unit.name, [{ node, unit }])
  }

  providersOf(unit: UnitName): readonly Provider[] {
    return this.#providers.get(unit) ?? []
  }

  #provide(unit: UnitName, providers: readonly Provider[]): void {
    this.#providers.set(unit, providers)
    this.#version++
  }

  #isLinked(site: number, other: number): boolean {
    const { cut } = this.incidents
    const { nowMs } = this.timeline
    return site === other || nowMs < cut.fromMs || nowMs >= cut.toMs || (site !== cut.site && other !== cut.site)
  }

  #siteOf(site: number): readonly Member[] {
    return this.#members.slice(site * NODES_PER_SITE, (site + 1) * NODES_PER_SITE)
  }

  #memberOf(peer: PeerIdString): Member {
    const member = this.#members.find(({ node }) => node.peer === peer)
    if (member === undefined) throw new RangeError(`no node ${peer}`)
    return member
  }

  #auditable(self: SimulatedNode, group: Group): readonly Auditable[] {
    if (this.#auditableOf.version !== this.#version) this.#auditableOf = { version: this.#version, lists: new Map() }
    const { lists } = this.#auditableOf
    let list = lists.get(self)
    if (list === undefined) {
      list = this.#members.flatMap(({ node, group: its }) =>
        its !== group || node === self || node.failedSinceMs !== undefined
          ? []
          : [...node.units.keys()].map((unit) => ({ unit, node: node.peer })),
      )
      lists.set(self, list)
    }
    return list
  }

  #probe(self: SimulatedNode, { unit, node }: Auditable, done: () => void): void {
    const host = this.#memberOf(node).node
    const target = host.units.get(unit)
    if (target === undefined) return done()
    const beganMs = this.timeline.nowMs
    const deadlineMs = beganMs + PROBE_DEADLINE_MS
    const call = { caller: self.peer, workMs: PROBE_WORK_MS, luck: 1, beganMs, deadlineMs, onEnd: done }
    this.#memberOf(self.peer).router.send({ node: host, unit: target }, call)
  }

  // What System 5 has done.

  /** It hurts: started anew, unless it has only too much to do. */
  #restart(name: UnitName): void {
    const { nowMs } = this.timeline
    const providers = this.providersOf(name)
    for (const { node, unit } of providers) {
      if (!unit.isUp || this.#reported.get(`${name} ${node.peer}`)?.isShort === true) continue
      if (providers.length > 1) continue
      this.incidents.noticed(name, 'pain', nowMs)
      if (nowMs - (this.#remediedMs.get(name) ?? Number.NEGATIVE_INFINITY) < REMEDY_GAP_MS) continue
      this.#remediedMs.set(name, nowMs)
      this.incidents.restarts++
      unit.end()
      this.incidents.cure(name)
      this.timeline.after(RESTART_MS, () => {
        if (!node.isAlive) return
        unit.start()
        this.#memberOf(node.peer).regulation.remedied(name)
      })
    }
  }

  /** It is not what is reported of it: it goes to a host that is believed. */
  #move(name: UnitName): void {
    const { nowMs } = this.timeline
    this.incidents.noticed(name, 'finding', nowMs)
    const [provider, ...others] = this.providersOf(name)
    if (provider === undefined || others.length > 0 || this.#moved.has(name)) return
    this.#moved.add(name)
    this.incidents.moves++
    const { node, unit } = provider
    const to = this.#siteOf(node.site).find((each) => each.node !== node && each.node.isAlive)
    if (to === undefined) return
    unit.end()
    this.#memberOf(node.peer).regulation.detach(name)
    node.units.delete(name)
    this.incidents.cure(name)
    this.timeline.after(MOVE_MS, () => this.#hostLedger(node.site, to))
  }

  // Cells.

  #buildCells(): void {
    for (let site = 0; site < SITES; site++) {
      const locks = new Locks(this.timeline)
      for (const [at, [name, machines]] of CELL_UNITS.entries()) {
        const member = this.#siteOf(site)[at + 1]
        if (member === undefined) continue
        const { group, node } = member
        const unit = `${name}-${site}`
        const resources = machines.map((machine) => `${machine}-${site}`)
        if (this.#organs.coordination) {
          group.docket.register({ op: 'unit:claim', unit, peer: node.peer, author: node.peer, atMs: 0 })
          const claiming = new ClaimingUnit(this.timeline, { unit, peer: node.peer, resources }, group.docket)
          this.#cells.push({ unit: claiming, member })
        } else this.#cells.push({ unit: new LockingUnit(this.timeline, { unit, resources }, locks), member })
      }
    }
  }

  // What befalls it.

  #befall(): void {
    const { liar, poison, loss, cut } = this.incidents
    const ledgerAt = (site: number): { member: Member; provider: Provider } | undefined => {
      const [provider] = this.providersOf(`ledger-${site}`)
      return provider === undefined ? undefined : { member: this.#memberOf(provider.node.peer), provider }
    }
    this.timeline.at(liar.fromMs, () => {
      const ledger = ledgerAt(liar.site)
      if (ledger !== undefined) this.incidents.beginLie(ledger.member.regulation, ledger.provider.unit)
    })
    this.timeline.at(poison.fromMs, () => {
      const ledger = ledgerAt(poison.site)
      if (ledger !== undefined) this.incidents.beginPoison(ledger.provider.unit, this.timeline.nowMs)
    })
    this.timeline.at(cut.fromMs, () => this.#groups.forEach((group) => group.cut(cut.site)))
    this.timeline.at(cut.toMs, () => this.#groups.forEach((group) => group.docket.catchUp()))
    // Not the one that leads, nor the one with the ledger: a cell's unit is there, and instances of chat.
    const lost = this.#siteOf(loss.site)[2]
    if (lost === undefined) return
    this.timeline.at(loss.fromMs, () => this.#die(lost))
    this.timeline.at(loss.toMs, () => this.#comeBack(lost))
  }

  #die({ node, group }: Member): void {
    node.die()
    group.died(node)
    this.timeline.at(node.heardGoneMs, () => this.#version++)
    for (const each of this.#cells) if (each.member.node === node) each.unit.die()
    this.#chat.lost(node)
  }

  #comeBack({ node }: Member): void {
    node.comeBack()
    this.#version++
    for (const each of this.#cells) if (each.member.node === node) each.unit.comeBack()
  }
}
