import { bootstrap, type Message, type RaftNode, raftNode, type Ready } from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'
import { bytesOf } from './bytes.ts'
import { Disk } from './disk.ts'
import { InvariantBrokenError } from './errors.ts'
import { RaftInvariants } from './raft-invariants.ts'

/** How often each thing may happen on one way. */
export interface Budget {
  readonly timeouts: number
  readonly proposals: number
  readonly crashes: number
  readonly reads: number
}

export type Step =
  /** The message at this place of those under way arrives; what never arrives is lost. */
  | { readonly kind: 'deliver'; readonly at: number }
  /** A node has heard nothing for longer than any timeout. */
  | { readonly kind: 'timeout'; readonly id: PeerIdString }
  | { readonly kind: 'propose'; readonly id: PeerIdString }
  | { readonly kind: 'read'; readonly id: PeerIdString }
  /** A node dies, with all that was not written, and starts again. */
  | { readonly kind: 'crash'; readonly id: PeerIdString }

interface Node {
  readonly id: PeerIdString
  readonly disk: Disk
  raft: RaftNode
  nowMs: number
  /** Of everything that ever came in: equal histories, equal nodes. */
  history: number
}

interface Envelope {
  readonly from: PeerIdString
  readonly to: PeerIdString
  readonly message: Message
  /** Equal for messages that say the same to the same. */
  readonly key: string
}

const IDS = ['a', 'b', 'c'] as const
const ELECTION_TIMEOUT_MAX_MS = 2_000

/** Three voters, every step of which is taken when it is told to. Writing is at once: a crash between input and write is one before the input. */
export class TinyGroup {
  readonly #nodes: readonly Node[]
  readonly #invariants = new RaftInvariants()
  readonly #reads = new Map<string, number>()
  #underWay: Envelope[] = []
  #used = { timeouts: 0, proposals: 0, crashes: 0, reads: 0 }

  constructor() {
    this.#nodes = IDS.map((id) => {
      const disk = new Disk(bootstrap({ voters: IDS }, bytesOf('{}')))
      return { id, disk, raft: boot(id, disk), nowMs: 0, history: 0 }
    })
  }

  /** Of all that has happened to each node. What is under way follows from it. */
  get key(): string {
    return this.#nodes.map(({ history }) => history).join()
  }

  steps({ timeouts, proposals, crashes, reads }: Budget): readonly Step[] {
    const steps: Step[] = []
    const seen = new Set<string>()
    this.#underWay.forEach(({ key }, at) => {
      if (!seen.has(key)) steps.push({ kind: 'deliver', at })
      seen.add(key)
    })
    for (const { id, raft } of this.#nodes) {
      const leads = raft.status().role === 'leader'
      // A leader's own time brings heartbeats, which say nothing that an append does not.
      if (!leads && this.#used.timeouts < timeouts) steps.push({ kind: 'timeout', id })
      if (this.#used.crashes < crashes) steps.push({ kind: 'crash', id })
      if (leads && this.#used.proposals < proposals) steps.push({ kind: 'propose', id })
      if (leads && this.#used.reads < reads) steps.push({ kind: 'read', id })
    }
    return steps
  }

  take(step: Step): void {
    if (step.kind === 'deliver') {
      const [envelope] = this.#underWay.splice(step.at, 1)
      if (envelope === undefined) return
      const node = this.#node(envelope.to)
      this.#input(node, envelope.key, () => node.raft.step(envelope.from, envelope.message))
      return
    }
    const node = this.#node(step.id)
    if (step.kind === 'timeout') {
      this.#used.timeouts++
      node.nowMs += 2 * ELECTION_TIMEOUT_MAX_MS
      this.#input(node, 'timeout', () => {})
    } else if (step.kind === 'propose') {
      const what = `p${this.#used.proposals++}`
      this.#input(node, what, () => node.raft.propose(bytesOf(what)))
    } else if (step.kind === 'read') {
      const context = `r${this.#used.reads++}`
      this.#reads.set(context, this.#invariants.highestApplied)
      this.#input(node, context, () => node.raft.readIndex(context))
    } else {
      this.#used.crashes++
      node.disk.crash(0)
      this.#invariants.forget(node.id)
      node.raft = boot(node.id, node.disk)
      this.#input(node, 'crash', () => {})
    }
  }

  /** Delivers what is under way, in order, until nothing is. */
  settle(): void {
    while (this.#underWay.length > 0) this.take({ kind: 'deliver', at: 0 })
  }

  /** Has a leader propose another configuration, endorsed by all. */
  reconfigure(id: PeerIdString, voters: readonly PeerIdString[]): void {
    const node = this.#node(id)
    const changes = IDS.filter((peer) => !voters.includes(peer)).map((peer) => ({ type: 'learner' as const, peer }))
    const endorsements = IDS.map((peer) => ({ peer, signature: 'AAAA' }))
    this.#input(node, 'reconfigure', () => node.raft.proposeConfiguration({ changes }, endorsements))
  }

  #node(id: PeerIdString): Node {
    const node = this.#nodes.find((each) => each.id === id)
    if (node === undefined) throw new Error(`no node ${id}`)
    return node
  }

  #input(node: Node, what: string, act: () => void): void {
    node.history = mixed(node.history, what)
    node.raft.tick(node.nowMs)
    act()
    this.#check(node)
    while (node.raft.hasReady()) this.#turn(node, node.raft.ready())
    this.#check(node)
  }

  #turn(node: Node, ready: Ready): void {
    const { id, disk, raft } = node
    disk.write(ready)
    if (ready.hardState !== undefined) this.#invariants.sawVote(id, ready.hardState)
    let previousTerm = disk.termAt((ready.entries[0]?.index ?? 0) - 1)
    for (const entry of ready.entries) {
      this.#invariants.sawWritten(id, entry, previousTerm)
      previousTerm = entry.term
    }
    if (ready.softState?.role === 'leader') this.#invariants.sawLeader(id, ready.softState.term, (index) => disk.termAt(index))
    for (const { to, message } of ready.messages)
      this.#underWay.push({ from: id, to, message, key: `${id}>${to} ${JSON.stringify(message)}` })
    for (const entry of ready.committedEntries) this.#invariants.sawApplied(id, raft.status().term, entry)
    for (const { context, index } of ready.readStates) {
      const needed = this.#reads.get(context) ?? 0
      if (index < needed)
        throw new InvariantBrokenError('linearizability', `${id} answers ${context} as of ${index}, ${needed} was applied`)
    }
    raft.advance(ready)
  }

  #check({ id, raft, disk }: Node): void {
    this.#invariants.sawStatus(id, raft.status(), (index) => disk.termAt(index))
  }
}

function boot(id: PeerIdString, disk: Disk): RaftNode {
  return raftNode({ id, stored: disk.read(), electionTimeoutMaxMs: ELECTION_TIMEOUT_MAX_MS })({
    random: { next: () => 0.5 },
    verifyEndorsement: () => true,
  })
}

/** 52 bits of a chain of FNV-1a (Fowler, Noll, Vo): a million states share one with a chance of one in ten thousand. */
function mixed(history: number, what: string): number {
  let low = (history | 0) ^ 0x811c9dc5
  let high = Math.floor(history / 2 ** 32) ^ 0x9747b28c
  for (let at = 0; at < what.length; at++) {
    const code = what.charCodeAt(at)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code, 0x01000193) ^ (low >>> 15)
  }
  return (high & 0xfffff) * 2 ** 32 + (low >>> 0)
}
