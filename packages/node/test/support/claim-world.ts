import {
  applyEntry,
  type Authority,
  encodeOperation,
  type GroupState,
  type Operation,
  type ResourceClaim,
} from '@vsmcp/consensus'
import { type Random, randomInteger, seededRandom } from '@vsmcp/kernel'
import {
  type ClaimEffect,
  ClaimHolder,
  type ClaimJudgement,
  claimsToSettle,
  ClaimWatch,
  contended,
  objectionToClaim,
} from '@vsmcp/vsm'
import { foundedGroup, PEERS } from './schedule-world.ts'

/** What is broken, to see it caught. */
export type ClaimFault = 'takes claims away as soon as they are called back' | 'has its own copy bear a claim out' | 'nothing'

const AUTHORITY: Authority = {
  verifySignature: () => true,
  digest: () => '',
  verifyCertificate: () => false,
  linksAnchored: () => 0,
}

interface Node {
  readonly peer: string
  /** How fast its clock goes. */
  readonly rate: number
  readonly resources: ResourceClaim['resources']
  applied: number
  holder: ClaimHolder
  watch: ClaimWatch
  /** Cut off from the others since then: it hears nothing, and nobody answers it. */
  cutOffSinceMs: number | undefined
  life: number
}

/**
 * Units of three nodes that use one resource which checks no token. One order of entries, of which each node has read some; nodes are
 * cut off for up to minutes while their calls go on, crash and come back by an old copy; answers get lost; clocks go a quarter too
 * fast or too slow. The docket, the holders, and what voters judge by are the real ones.
 */
export class ClaimWorld {
  /** Two that used it at once. */
  readonly clashes: string[] = []
  begun = 0
  takenAway = 0
  readonly #random: Random
  readonly #fault: ClaimFault
  readonly #states: GroupState[]
  readonly #nodes: Node[]
  readonly #later: { atMs: number; act: () => void }[] = []
  /** Calls that use the resource now. */
  readonly #using = new Map<string, Node>()
  #calls = 0
  #nowMs = 0

  constructor(seed: number, fault: ClaimFault) {
    this.#random = seededRandom(seed)
    this.#fault = fault
    this.#states = [foundedGroup()]
    for (const peer of PEERS) this.#commit({ op: 'unit:claim', unit: `u-${peer}`, peer, author: peer, atMs: 0 })
    this.#nodes = PEERS.map((peer, i) => this.#born(peer, i === 2 && seed % 2 === 0))
  }

  live(steps: number): void {
    for (let i = 0; i < steps; i++) this.#step()
  }

  #step(): void {
    this.#nowMs += randomInteger(this.#random, 20, 600)
    for (const each of this.#later.splice(0)) {
      if (each.atMs > this.#nowMs) this.#later.push(each)
      else each.act()
    }
    for (const node of this.#nodes) {
      this.#weather(node)
      if (node.cutOffSinceMs === undefined && this.#chance(0.7))
        this.#read(node, randomInteger(this.#random, node.applied, this.#last))
      this.#act(node, node.holder.tick(this.#clockOf(node)))
      if (this.#chance(0.15)) this.#call(node)
    }
    if (this.#chance(0.3)) this.#settle()
  }

  #weather(node: Node): void {
    if (node.cutOffSinceMs !== undefined) {
      if (this.#chance(0.01)) node.cutOffSinceMs = undefined
    } else if (this.#chance(0.004)) node.cutOffSinceMs = this.#nowMs
    if (this.#chance(0.001)) this.#crash(node)
  }

  /** Its servers die with it. */
  #crash(node: Node): void {
    node.life++
    for (const [call, by] of this.#using) if (by === node) this.#using.delete(call)
    node.holder = new ClaimHolder(node.resources)
    node.watch = new ClaimWatch()
    this.#read(node, randomInteger(this.#random, 1, node.applied))
  }

  #read(node: Node, index: number): void {
    node.applied = index
    const claims = this.#claimsOf(node)
    node.watch.follow(claims, this.#clockOf(node))
    const own = this.#ownOf(node)
    const isContended = own !== undefined && contended(claims).includes(own)
    this.#act(node, node.holder.follow(own, isContended, this.#clockOf(node)))
  }

  #call(node: Node): void {
    this.#act(node, node.holder.call(++this.#calls, this.#clockOf(node)))
  }

  #act(node: Node, effects: readonly ClaimEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'begin') this.#begin(node, effect.call)
      else if (effect.type === 'cut') this.#end(node, effect.call)
      else if (effect.type === 'note') this.#act(node, node.holder.noted(effect.token, this.#clockOf(node)))
      else if (effect.type === 'confirm') this.#confirm(node)
      else {
        const of = { unit: `u-${node.peer}`, author: node.peer, atMs: 0 }
        const { resources } = node
        if (effect.type === 'ask') this.#propose(node, { op: 'claim:ask', ...of, resources })
        else this.#propose(node, { op: 'claim:release', ...of, askedAtIndex: effect.askedAtIndex, again: effect.again })
      }
    }
  }

  #begin(node: Node, call: number): void {
    this.begun++
    const isShared = node.resources[0]?.shared === true
    for (const other of new Set(this.#using.values())) {
      if (other === node || (isShared && other.resources[0]?.shared === true)) continue
      this.clashes.push(`at ${this.#nowMs} ms ${node.peer} begins while ${other.peer} uses it`)
    }
    this.#using.set(`${node.life} ${node.peer} ${call}`, node)
    // Some hang for minutes.
    this.#soon(node, this.#chance(0.1) ? 200_000 : 800, () => this.#end(node, call))
  }

  #end(node: Node, call: number): void {
    this.#using.delete(`${node.life} ${node.peer} ${call}`)
    this.#act(node, node.holder.ended(call, this.#clockOf(node)))
  }

  #confirm(node: Node): void {
    if (this.#fault === 'has its own copy bear a claim out') {
      this.#act(node, node.holder.confirmed(this.#ownOf(node), this.#clockOf(node)))
      return
    }
    let index: number | undefined
    this.#soon(node, 300, () => {
      if (node.cutOffSinceMs === undefined) index = this.#last
    })
    this.#soon(node, 900, () => {
      if (index === undefined || node.cutOffSinceMs !== undefined)
        this.#act(node, node.holder.decided(false, this.#clockOf(node)))
      else {
        this.#read(node, Math.max(node.applied, index))
        this.#act(node, node.holder.confirmed(this.#ownOf(node), this.#clockOf(node)))
      }
    })
  }

  /** Committed, lost, or committed though whoever asked never hears of it. */
  #propose(node: Node, operation: Operation): void {
    const isLost = node.cutOffSinceMs !== undefined || this.#chance(0.1)
    const isHeard = this.#chance(0.9)
    let index: number | undefined
    this.#later.push({
      atMs: this.#nowMs + randomInteger(this.#random, 5, 300),
      act: () => {
        if (!isLost) index = this.#commit(operation)
      },
    })
    this.#soon(node, 900, () => {
      const isDone = index !== undefined && isHeard && node.cutOffSinceMs === undefined
      if (isDone) this.#read(node, Math.max(node.applied, index ?? 0))
      this.#act(node, node.holder.decided(isDone, this.#clockOf(node)))
    })
  }

  /** What a leader has the voters sign: each by its own copy, clock and eyes. */
  #settle(): void {
    const there = this.#nodes.filter(({ cutOffSinceMs }) => cutOffSinceMs === undefined)
    const [leader] = there
    if (leader === undefined) return
    const isHasty = this.#fault === 'takes claims away as soon as they are called back'
    const { claims } = this.#judgementOf(leader)
    const hasty = claims.flatMap(({ peer, unit, askedAtIndex, recalledAtIndex }) =>
      isHasty && recalledAtIndex !== undefined ? [{ op: 'claim:revoke', peer, unit, askedAtIndex } as const] : [],
    )
    for (const operation of [...claimsToSettle(this.#judgementOf(leader)), ...hasty]) {
      const willing = there.filter((voter) => isHasty || objectionToClaim(operation, this.#judgementOf(voter)) === undefined)
      if (willing.length < 2) continue
      const endorsements = willing.map(({ peer }) => ({ peer, signature: 'AAAA' }))
      this.#commit({ ...operation, endorsements, author: leader.peer, atMs: 0 })
      if (operation.op === 'claim:revoke') this.takenAway++
    }
  }

  #judgementOf(voter: Node): ClaimJudgement {
    const sees: ClaimJudgement['sees'] = (peer) => {
      const since = this.#nodes.find((node) => node.peer === peer)?.cutOffSinceMs
      return since === undefined ? { state: 'alive', forMs: 0 } : { state: 'failed', forMs: (this.#nowMs - since) * voter.rate }
    }
    return { claims: this.#claimsOf(voter), watch: voter.watch, sees, monotonicMs: this.#clockOf(voter) }
  }

  #claimsOf({ applied }: Node): ResourceClaim[] {
    return [...(this.#states[applied]?.claims ?? [])].map(([, claim]) => claim)
  }

  #ownOf({ peer, applied }: Node): ResourceClaim | undefined {
    return this.#states[applied]?.claims.get(`${peer} u-${peer}`)
  }

  #soon(node: Node, withinMs: number, act: () => void): void {
    const { life } = node
    this.#later.push({
      atMs: this.#nowMs + randomInteger(this.#random, 1, withinMs),
      act: () => {
        if (node.life === life) act()
      },
    })
  }

  #commit(operation: Operation): number {
    const index = this.#states.length
    const entry = { index, term: 1, type: 'normal', data: encodeOperation(operation) } as const
    const before = this.#states.at(-1) ?? foundedGroup()
    this.#states.push(applyEntry(before, entry, AUTHORITY).state)
    return index
  }

  get #last(): number {
    return this.#states.length - 1
  }

  #clockOf({ rate }: Node): number {
    return this.#nowMs * rate
  }

  #chance(of: number): boolean {
    return this.#random.next() < of
  }

  #born(peer: string, shared: boolean): Node {
    const resources = [{ resource: 'arm', shared }]
    const rate = 0.75 + 0.5 * this.#random.next()
    const holder = new ClaimHolder(resources)
    return { peer, rate, resources, applied: 1, holder, watch: new ClaimWatch(), cutOffSinceMs: undefined, life: 1 }
  }
}
