import { type PeerIdString, type Random, seededRandom } from '@vsmcp/kernel'
import {
  bootstrap,
  type Entry,
  type HardState,
  type Message,
  type OutgoingMessage,
  type RaftComponents,
  type RaftNode,
  raftNode,
  type RaftWrite,
  type Ready,
  type Snapshot,
  type StoredRaft,
  validateMessage,
} from '../../src/index.ts'
import { verifyEndorsement } from './endorse.ts'

/** A disk that keeps what was synced; what was only written is lost by a crash. */
export class Disk {
  hardState: HardState
  snapshot: Snapshot | undefined
  entries: Entry[]
  #unsyncedFrom: HardState | undefined

  constructor(stored: StoredRaft) {
    this.hardState = stored.hardState
    this.snapshot = stored.snapshot
    this.entries = [...stored.entries]
  }

  write({ hardState, entries, snapshot, mustSync }: RaftWrite): void {
    if (snapshot !== undefined) {
      this.snapshot = snapshot
      this.entries = []
    }
    const first = entries[0]
    if (first !== undefined) this.entries = [...this.entries.filter(({ index }) => index < first.index), ...entries]
    if (hardState !== undefined) {
      this.#unsyncedFrom = mustSync ? undefined : (this.#unsyncedFrom ?? this.hardState)
      this.hardState = hardState
    } else if (mustSync) this.#unsyncedFrom = undefined
  }

  compact(index: number, snapshot: Snapshot): void {
    this.snapshot = snapshot
    this.entries = this.entries.filter((entry) => entry.index > index)
    this.#unsyncedFrom = undefined
  }

  crash(): void {
    if (this.#unsyncedFrom !== undefined) this.hardState = this.#unsyncedFrom
    this.#unsyncedFrom = undefined
  }

  read(): StoredRaft {
    const { hardState, snapshot, entries } = this
    return { hardState, entries: [...entries], ...(snapshot === undefined ? {} : { snapshot }) }
  }
}

/** The state machine of these tests: the texts applied, in order. */
export class Machine {
  applied = 0
  lines: string[] = []

  apply(entry: Entry): void {
    if (entry.index !== this.applied + 1) throw new Error(`applied ${entry.index} after ${this.applied}`)
    this.applied = entry.index
    if (entry.type === 'normal') this.lines.push(text(entry.data))
  }

  encode(): Uint8Array {
    return bytes(JSON.stringify(this.lines))
  }

  install(snapshot: Snapshot): void {
    this.applied = snapshot.index
    this.lines = JSON.parse(text(snapshot.data)) as string[]
  }
}

export interface Envelope {
  readonly from: PeerIdString
  readonly to: PeerIdString
  readonly message: Message
}

export class Host {
  readonly id: PeerIdString
  readonly disk: Disk
  node: RaftNode
  machine = new Machine()
  up = true
  readonly reads: { context: string; index: number }[] = []
  readonly abandoned: string[] = []
  readonly readies: Ready[] = []
  readonly #components: RaftComponents

  constructor(id: PeerIdString, disk: Disk, components: RaftComponents) {
    this.id = id
    this.disk = disk
    this.#components = components
    this.node = this.#boot()
  }

  get role(): string {
    return this.node.status().role
  }

  restart(): void {
    this.machine = new Machine()
    this.node = this.#boot()
    this.up = true
  }

  crash(): void {
    this.up = false
    this.disk.crash()
  }

  /** One `Ready`, done in order. @returns the messages to send */
  turn(): readonly OutgoingMessage[] {
    const ready = this.node.ready()
    this.readies.push(ready)
    this.disk.write(ready)
    if (ready.snapshot !== undefined) this.machine.install(ready.snapshot)
    for (const entry of ready.committedEntries) this.machine.apply(entry)
    this.reads.push(...ready.readStates)
    this.abandoned.push(...ready.abandonedReads)
    this.node.advance(ready)
    return ready.messages
  }

  compact(keep = 0): void {
    const snapshot = this.node.createSnapshot(this.machine.encode())
    const index = snapshot.index - keep
    this.disk.compact(index, snapshot)
    this.node.compact(index, snapshot)
  }

  #boot(): RaftNode {
    const stored = this.disk.read()
    if (stored.snapshot !== undefined) this.machine.install(stored.snapshot)
    return raftNode({ id: this.id, stored })(this.#components)
  }
}

export interface ClusterInit {
  seed?: number
  /** Ids of the first voters. */
  voters?: readonly PeerIdString[]
  /** Ids of nodes that start with nothing. */
  blank?: readonly PeerIdString[]
  components?: (id: PeerIdString) => Partial<RaftComponents>
}

/** Some nodes on a network that delivers in order and at once, unless told otherwise, and a clock that goes when told. */
export class Cluster {
  readonly hosts = new Map<PeerIdString, Host>()
  readonly random: Random
  nowMs = 0
  queue: Envelope[] = []
  /** Pairs that do not hear each other. */
  readonly cut = new Set<string>()
  /** Sees every message before it travels; `false` loses it. */
  filter: (envelope: Envelope) => boolean = () => true
  onTurn: (host: Host, ready: Ready) => void = () => {}
  onMessage: (envelope: Envelope, arrives: boolean) => void = () => {}

  constructor({ seed = 1, voters = ['n1', 'n2', 'n3'], blank = [], components = () => ({}) }: ClusterInit = {}) {
    this.random = seededRandom(seed)
    for (const id of voters) this.add(id, new Disk(bootstrap({ voters }, bytes('[]'))), components(id))
    for (const id of blank) this.add(id, new Disk({ hardState: { term: 0, vote: null, commit: 0 }, entries: [] }), components(id))
  }

  add(id: PeerIdString, disk: Disk, components: Partial<RaftComponents> = {}): Host {
    const random = seededRandom(Math.floor(this.random.next() * 2 ** 32))
    const host = new Host(id, disk, { random, verifyEndorsement, ...components })
    this.hosts.set(id, host)
    host.node.tick(this.nowMs)
    return host
  }

  host(id: PeerIdString): Host {
    const host = this.hosts.get(id)
    if (host === undefined) throw new Error(`no host ${id}`)
    return host
  }

  get leader(): Host | undefined {
    const leaders = [...this.hosts.values()].filter((host) => host.up && host.role === 'leader')
    return leaders.sort((a, b) => b.node.status().term - a.node.status().term)[0]
  }

  /** Lets every host do what it has to do, and sends what they say, until nothing is left. */
  settle(): void {
    for (let turns = 0; turns < 10_000; turns++) {
      for (const host of this.hosts.values()) this.turn(host)
      const envelope = this.queue.shift()
      if (envelope === undefined) return
      this.deliver(envelope)
    }
    throw new Error('the network does not come to rest')
  }

  turn(host: Host): void {
    while (host.up && host.node.hasReady()) {
      const messages = host.turn()
      const ready = host.readies.at(-1)
      if (ready !== undefined) this.onTurn(host, ready)
      for (const { to, message } of messages) this.queue.push({ from: host.id, to, message })
    }
  }

  deliver(envelope: Envelope): void {
    const { from, to, message } = envelope
    const host = this.hosts.get(to)
    const arrives = host?.up === true && !this.cut.has(pair(from, to)) && this.filter(envelope)
    this.onMessage(envelope, arrives)
    if (arrives) host.node.step(from, validateMessage(message))
  }

  /** Time passes in steps of ten milliseconds. */
  run(ms: number): void {
    for (const end = this.nowMs + ms; this.nowMs < end;) {
      this.nowMs += 10
      for (const host of this.hosts.values()) if (host.up) host.node.tick(this.nowMs)
      this.settle()
    }
  }

  /** Runs until `holds`, at most `ms`. */
  runUntil(holds: () => boolean, ms = 20_000): void {
    for (const end = this.nowMs + ms; !holds(); this.run(10)) {
      if (this.nowMs >= end) throw new Error(`not reached within ${ms} ms`)
    }
  }

  /** Elects `id`, or whoever is first. */
  elect(id?: PeerIdString): Host {
    if (id !== undefined) {
      this.host(id).node.campaign()
      this.settle()
    }
    this.runUntil(() => this.leader !== undefined)
    const leader = this.leader
    if (leader === undefined || (id !== undefined && leader.id !== id)) throw new Error(`${id} was not elected`)
    return leader
  }

  /** Both ends learn that nothing gets through. */
  disconnect(a: PeerIdString, b: PeerIdString, notice = true): void {
    this.cut.add(pair(a, b))
    if (!notice) return
    this.host(a).node.connectionClosed(b)
    this.host(b).node.connectionClosed(a)
  }

  connect(a: PeerIdString, b: PeerIdString, notice = true): void {
    this.cut.delete(pair(a, b))
    if (!notice) return
    this.host(a).node.connectionOpened(b)
    this.host(b).node.connectionOpened(a)
  }

  /** The process dies; its peers see their connections close. */
  kill(id: PeerIdString): void {
    this.host(id).crash()
    for (const host of this.hosts.values()) if (host.id !== id && host.up) host.node.connectionClosed(id)
  }

  revive(id: PeerIdString): void {
    const host = this.host(id)
    host.restart()
    host.node.tick(this.nowMs)
    for (const other of this.hosts.values()) {
      if (other.id === id || !other.up) continue
      other.node.connectionOpened(id)
      host.node.connectionOpened(other.id)
    }
  }

  lines(id: PeerIdString): readonly string[] {
    return this.host(id).machine.lines
  }
}

export function pair(a: PeerIdString, b: PeerIdString): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}

export function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

export function text(value: Uint8Array): string {
  return new TextDecoder().decode(value)
}
