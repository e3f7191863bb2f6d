import { type PeerIdString, type Random, randomInteger, seededRandom } from '@vsmcp/kernel'
import {
  bootstrap,
  type MemberChange,
  type Message,
  type RaftComponents,
  type RaftNode,
  raftNode,
  type Ready,
  validateMessage,
} from '../../src/index.ts'
import { bytes, Disk, type Envelope, Machine, pair, text } from './cluster.ts'
import { proposeEndorsed, verifyEndorsement } from './endorse.ts'
import { attempt } from './attempt.ts'
import { Invariants } from './invariants.ts'

/** A fault that the protocol does not bear, planted to see that the checker sees it. */
export type Mutation =
  | 'double vote'
  | 'forgetful disk'
  | 'send before write'
  | 'forged heartbeat answers'
  | 'acknowledge before write'

export interface SimulationInit {
  seed: number
  actions?: number
  mutation?: Mutation
}

interface Node {
  readonly id: PeerIdString
  readonly disk: Disk
  raft: RaftNode
  machine: Machine
  up: boolean
  /** Given out, not yet written: a crash loses it. */
  ready: Ready | undefined
  /** Clock error of this node's ticks, as a factor. */
  drift: number
}

const IDS = ['a', 'b', 'c', 'd', 'e', 'f']
const QUEUE_MAX = 400

/** One random life of a group under faults: loss, duplication, reordering, partitions, crashes, slow disks, drifting clocks, changes of voters. */
export class Simulation {
  readonly random: Random
  readonly invariants = new Invariants()
  readonly nodes: Node[]
  readonly #mutation: Mutation | undefined
  readonly #actions: number
  readonly #signed: boolean
  /** Voters of every change that was made: all nodes hold its certificate at once. */
  readonly #certified: (readonly PeerIdString[])[] = []
  #queue: Envelope[] = []
  readonly #cut = new Set<string>()
  #nowMs = 0
  #count = 0

  constructor({ seed, actions = 3_000, mutation }: SimulationInit) {
    this.random = seededRandom(seed)
    this.#mutation = mutation
    this.#actions = actions
    this.#signed = this.#chance(0.5)
    const voters = IDS.slice(0, [1, 2, 3, 3, 5][this.#upTo(5)])
    this.#certified.push(voters)
    const blank = { hardState: { term: 0, vote: null, commit: 0 }, entries: [] }
    this.nodes = IDS.map((id) => {
      const disk = new Disk(voters.includes(id) ? bootstrap({ voters }, bytes('[]')) : blank)
      return {
        id,
        disk,
        raft: this.#boot(id, disk),
        machine: machineOf(disk),
        up: true,
        ready: undefined,
        drift: 0.8 + 0.4 * this.random.next(),
      }
    })
  }

  /** Runs all actions, then heals everything and checks that the group recovers. */
  run(): void {
    for (; this.#count < this.#actions; this.#count++) this.#act()
    // With a planted fault nobody promises that it recovers; what it does wrong was seen by now, or not in this life.
    if (this.#mutation === undefined) this.#recover()
  }

  #act(): void {
    const dice = this.random.next()
    const node = this.#chance(0.5) ? this.#anyLeader() : this.#anyNode()
    if (dice < 0.4) this.#deliver()
    else if (dice < 0.8) this.#work(this.#busyNode())
    else if (dice < 0.88)
      this.#pass(this.#chance(0.03) ? randomInteger(this.random, 100, 2_500) : randomInteger(this.random, 1, 30))
    else if (dice < 0.95) this.#propose(node)
    else if (dice < 0.97) this.#read(node)
    else if (dice < 0.98) this.#reconfigure(node)
    else if (dice < 0.982) this.#transfer(node)
    else if (dice < 0.986) this.#compact(node)
    else if (dice < 0.99) this.#crashOrRestart(node)
    else if (dice < 0.996) this.#cutOrHeal()
    else this.#stampede(node.id)
    // Standing still teaches little.
    if (this.#chance(0.02) && !this.nodes.some(({ up, raft }) => up && raft.status().role === 'leader'))
      this.#anyNode().raft.campaign()
  }

  #deliver(): void {
    if (this.#queue.length === 0) return
    // Mostly in order, sometimes any.
    const at = this.#chance(0.8) ? 0 : this.#upTo(this.#queue.length)
    const envelope = this.#queue[at]
    if (envelope === undefined) return
    if (!this.#chance(0.05)) this.#queue.splice(at, 1) // else it comes again
    if (this.#chance(0.05)) return
    this.#receive(envelope)
  }

  #receive({ from, to, message }: Envelope): void {
    const node = this.#node(to)
    if (!node.up || this.#cut.has(pair(from, to))) return
    node.raft.step(from, validateMessage(message))
  }

  /** One half of a turn: takes a `Ready`, or finishes the one taken. */
  #work(node: Node): void {
    if (!node.up) return
    if (node.ready === undefined) {
      if (!node.raft.hasReady()) return
      node.ready = node.raft.ready()
      if (this.#mutation === 'acknowledge before write') this.#apply(node, node.ready)
      if (this.#mutation === 'send before write') {
        this.#send(node, node.ready)
        this.#mayCrash(node)
      }
    } else this.#finish(node, node.ready)
  }

  #finish(node: Node, ready: Ready): void {
    node.ready = undefined
    node.disk.write(ready)
    let previousTerm = termOnDisk(node.disk, (ready.entries[0]?.index ?? 0) - 1)
    for (const entry of ready.entries) {
      this.invariants.sawWritten(node.id, entry, previousTerm)
      previousTerm = entry.term
    }
    this.#observe(node, ready)
    if (this.#mutation !== 'send before write') this.#send(node, ready)
    if (ready.snapshot !== undefined) node.machine.install(ready.snapshot)
    if (this.#mutation !== 'acknowledge before write') this.#apply(node, ready)
    node.raft.advance(ready)
    const { voters, outgoing } = node.raft.status().configuration
    if (outgoing.length === 0 && ready.committedEntries.some(({ type }) => type === 'configuration')) this.#certified.push(voters)
    if (this.#mutation === 'forgetful disk' && ready.messages.some(({ message }) => message.type === 'voteAnswer'))
      this.#mayCrash(node)
  }

  /** Where a planted fault would show: a crash at just this moment. */
  #mayCrash(node: Node): void {
    if (!this.#chance(0.2)) return
    this.#crash(node)
    this.#restart(node)
  }

  #apply(node: Node, ready: Ready): void {
    for (const entry of ready.committedEntries) {
      this.invariants.sawApplied(node.id, node.raft.status().term, entry)
      node.machine.apply(entry)
    }
    for (const { context, index } of ready.readStates) this.invariants.answeredRead(node.id, context, index)
  }

  #send(node: Node, ready: Ready): void {
    for (const { to, message } of ready.messages) {
      this.#queue.push({ from: node.id, to, message: this.#mutated(node, to, message) })
      if (this.#mutation === 'forged heartbeat answers' && message.type === 'heartbeat') {
        this.#queue.push({
          from: to,
          to: node.id,
          message: { type: 'heartbeatAnswer', term: message.term, round: message.round },
        })
        node.raft.step(to, { type: 'heartbeatAnswer', term: message.term, round: message.round })
      }
    }
    if (this.#queue.length > QUEUE_MAX) this.#queue.splice(0, this.#queue.length - QUEUE_MAX)
  }

  #mutated(node: Node, to: PeerIdString, message: Message): Message {
    if (this.#mutation !== 'double vote' || message.type !== 'voteAnswer' || message.granted) return message
    return { ...message, granted: true, signature: sign(node.id, message.term, to) }
  }

  #pass(ms: number): void {
    this.#nowMs += ms
    for (const { up, raft, drift } of this.nodes) if (up) raft.tick(this.#nowMs * drift)
  }

  #propose({ raft, up }: Node): void {
    if (up) attempt(() => raft.propose(bytes(`p${this.#count}`)))
  }

  #read({ id, raft, up }: Node): void {
    if (!up) return
    const context = `${id}:${this.#count}`
    attempt(() => {
      raft.readIndex(context)
      this.invariants.askedRead(context)
    })
  }

  #reconfigure({ raft, up }: Node): void {
    if (!up) return
    const { configuration } = raft.status()
    const target = new Set(IDS.filter(() => this.#chance(0.5)))
    const changes = IDS.flatMap((peer): MemberChange[] => {
      const votes = configuration.voters.includes(peer)
      if (target.has(peer)) return votes ? [] : [{ type: 'voter', peer }]
      if (this.#chance(0.5)) return configuration.learners.includes(peer) ? [] : [{ type: 'learner', peer }]
      return votes ? [{ type: 'remove', peer }] : []
    })
    attempt(() => proposeEndorsed(raft, { changes }))
  }

  #transfer({ raft, up }: Node): void {
    if (up) attempt(() => raft.transferLeadership(IDS[this.#upTo(IDS.length)] ?? 'a'))
  }

  #compact({ up, ready, raft, disk, machine }: Node): void {
    if (!up || ready !== undefined || raft.status().applied < 2 || raft.status().applied !== machine.applied) return
    if (raft.hasReady()) return
    const snapshot = raft.createSnapshot(machine.encode())
    const index = Math.max(raft.status().firstIndex - 1, snapshot.index - this.#upTo(6))
    disk.compact(index, snapshot)
    raft.compact(index, snapshot)
  }

  #crashOrRestart(node: Node): void {
    const down = this.nodes.filter(({ up }) => !up)
    const oldest = down[0]
    if (oldest !== undefined && this.#chance(0.6 * down.length)) this.#restart(oldest)
    if (!node.up || this.#chance(0.4)) return
    this.#crash(node)
    if (this.#chance(0.5)) for (const other of this.nodes) if (other.up) other.raft.connectionClosed(node.id)
  }

  #crash(node: Node): void {
    node.up = false
    node.ready = undefined
    node.disk.crash()
    if (this.#mutation === 'forgetful disk') forgetVote(node.disk)
  }

  #restart(node: Node): void {
    node.machine = machineOf(node.disk)
    node.raft = this.#boot(node.id, node.disk)
    node.up = true
    node.raft.tick(this.#nowMs * node.drift)
    for (const other of this.nodes) if (other.up && other !== node) other.raft.connectionOpened(node.id)
  }

  #cutOrHeal(): void {
    if (this.#cut.size > 0 && this.#chance(0.6)) {
      this.#heal()
      return
    }
    const side = new Set(IDS.filter(() => this.#chance(0.4)))
    for (const a of this.nodes) {
      for (const b of this.nodes) {
        if (a.id >= b.id || side.has(a.id) === side.has(b.id)) continue
        this.#cut.add(pair(a.id, b.id))
        if (this.#chance(0.5) && a.up) a.raft.connectionClosed(b.id)
        if (this.#chance(0.5) && b.up) b.raft.connectionClosed(a.id)
      }
    }
  }

  /** Some believe that a node is gone, rightly or not, and stand for election together. */
  #stampede(gone: PeerIdString): void {
    const eager = this.nodes.filter(({ id, up }) => up && id !== gone && this.#chance(0.7))
    for (const { raft } of eager) raft.connectionClosed(gone)
    for (const { raft } of eager) if (this.#chance(0.5)) raft.campaign()
    for (const { raft } of eager) if (this.#chance(0.7)) raft.connectionOpened(gone)
  }

  #heal(): void {
    this.#cut.clear()
    for (const a of this.nodes) for (const b of this.nodes) if (a !== b && a.up && b.up) a.raft.connectionOpened(b.id)
  }

  /** Counts a leader once its term is on disk: what a crash before that undoes, nobody has seen. */
  #observe({ id, disk }: Node, { softState }: Ready): void {
    if (softState?.role !== 'leader') return
    this.invariants.sawLeader(id, softState.term, (index) =>
      index <= (disk.snapshot?.index ?? 0) ? (termOnDisk(disk, index) ?? 'compacted') : termOnDisk(disk, index),
    )
  }

  /** Everything up, connected and fair: a leader is found, commits, and all its members catch up. */
  #recover(): void {
    for (const node of this.nodes) if (!node.up) this.#restart(node)
    this.#heal()
    const done = (): boolean => {
      const leader = this.nodes.find(
        ({ raft }) => raft.status().role === 'leader' && raft.status().commit === raft.status().lastIndex,
      )
      if (leader === undefined) return false
      const { configuration, applied, lastIndex } = leader.raft.status()
      if (applied < lastIndex || configuration.outgoing.length > 0) return false
      return this.nodes
        .filter(({ id }) => configuration.voters.includes(id) || configuration.learners.includes(id))
        .every(({ machine }) => machine.applied === applied && machine.lines.join() === leader.machine.lines.join())
    }
    for (let round = 0; round < 2_000; round++) {
      this.#pass(10)
      for (let turns = 0; turns < 200; turns++) {
        for (const node of this.nodes) for (let i = 0; i < 2; i++) this.#work(node)
        const batch = this.#queue
        this.#queue = []
        if (batch.length === 0) break
        for (const envelope of batch) this.#receive(envelope)
      }
      if (done()) return
    }
    throw new Error(
      `the group does not recover: ${JSON.stringify(this.nodes.map(({ raft }) => ({ ...raft.status(), configuration: raft.status().configuration.voters })))}`,
    )
  }

  #boot(id: PeerIdString, disk: Disk): RaftNode {
    const components: RaftComponents = { random: seededRandom(Math.floor(this.random.next() * 2 ** 32)), verifyEndorsement }
    if (this.#signed) {
      components.signVote = (term, candidate) => sign(id, term, candidate)
      components.verifyVote = (voter, term, candidate, signature) => text(signature) === text(sign(voter, term, candidate))
      components.trustsVoters = (signers) =>
        this.#certified.some((voters) => voters.filter((voter) => signers.includes(voter)).length > voters.length / 2)
    }
    return raftNode({ id, stored: disk.read() })(components)
  }

  #node(id: PeerIdString): Node {
    const node = this.nodes.find((one) => one.id === id)
    if (node === undefined) throw new Error(`no node ${id}`)
    return node
  }

  #anyNode(): Node {
    return this.#node(IDS[this.#upTo(IDS.length)] ?? 'a')
  }

  /** Any of those that have something to do. */
  #busyNode(): Node {
    const busy = this.nodes.filter(({ up, ready, raft }) => up && (ready !== undefined || raft.hasReady()))
    return busy[this.#upTo(busy.length)] ?? this.#anyNode()
  }

  /** Any of those that believe they lead: after a partition there may be two. */
  #anyLeader(): Node {
    const leaders = this.nodes.filter(({ up, raft }) => up && raft.status().role === 'leader')
    return leaders[this.#upTo(leaders.length)] ?? this.#anyNode()
  }

  #upTo(count: number): number {
    return randomInteger(this.random, 0, count - 1)
  }

  #chance(probability: number): boolean {
    return this.random.next() < probability
  }
}

function sign(voter: PeerIdString, term: number, candidate: PeerIdString): Uint8Array {
  return bytes(`${voter} votes for ${candidate} in ${term}`)
}

/** Loses the last term and vote, as a disk that was never told to sync may. */
function forgetVote(disk: Disk): void {
  const { hardState, snapshot, entries } = disk
  const logTerm = entries.at(-1)?.term ?? snapshot?.term ?? 0
  disk.hardState = { ...hardState, term: Math.max(logTerm, hardState.term - 1), vote: null }
}

function machineOf(disk: Disk): Machine {
  const machine = new Machine()
  if (disk.snapshot !== undefined) machine.install(disk.snapshot)
  return machine
}

function termOnDisk({ entries, snapshot }: Disk, index: number): number | undefined {
  if (snapshot?.index === index) return snapshot.term
  return entries.find((entry) => entry.index === index)?.term
}
