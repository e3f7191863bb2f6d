import { createHash, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { type KeyValueStore, type Logger, type PeerIdString, seededRandom } from '@vsmcp/kernel'
import { onTestFinished } from 'vitest'
import { createSharedState, type SharedRecord, type SharedState, type SharedStateInit } from '../../src/index.ts'
import { ManualClock, rest } from './manual-clock.ts'
import { MemoryStore } from './memory-store.ts'
import { Network } from './network.ts'

export const TOPIC = 'vsmcp/0123456789abcdef/root/state'

/** PeerIds are base58; these say who is who. */
export const [ANNA, BERT, CARA, DAVE] = ['12D3KooWAnna', '12D3KooWBert', '12D3KooWCara', '12D3KooWDave'] as const

export interface Node {
  peer: PeerIdString
  state: SharedState
  store: MemoryStore
}

export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error'
  fields: Record<string, unknown>
  msg: string
}

/** Several nodes' shared states in one process, on one clock and one network. */
export class Group {
  readonly clock = new ManualClock()
  readonly network: Network
  readonly members = new Set<PeerIdString>()
  readonly log: LogLine[] = []
  readonly #init: Partial<SharedStateInit>
  readonly #keys = new Map<PeerIdString, { privateKey: KeyObject; publicKey: KeyObject }>()
  readonly #nodes = new Map<PeerIdString, Node>()
  #seed: number
  /** For runs of many thousand records: a hash in place of a signature, as checking signatures is most of the work. */
  cheapSignatures = false

  constructor(seed = 1, init: Partial<SharedStateInit> = {}) {
    this.#seed = seed
    this.#init = init
    this.network = new Network(this.clock, seededRandom(seed))
    onTestFinished(async () => {
      for (const node of this.#nodes.values()) await node.state.stop()
    })
  }

  get nodes(): Node[] {
    return [...this.#nodes.values()]
  }

  sign(peer: PeerIdString, bytes: Uint8Array): Uint8Array {
    if (this.cheapSignatures) return new Uint8Array(createHash('sha512').update(peer).update(bytes).digest())
    const keys = this.#keys.get(peer) ?? generateKeyPairSync('ed25519')
    this.#keys.set(peer, keys)
    return new Uint8Array(sign(null, bytes, keys.privateKey))
  }

  /** Starts a node; under a name that runs already, a new life of it: the old one is gone without a word. */
  async start(peer: PeerIdString, store = new MemoryStore(), init: Partial<SharedStateInit> = {}): Promise<Node> {
    this.members.add(peer)
    this.sign(peer, new Uint8Array())
    const { plane, gossip } = this.network.attach(peer)
    const state = createSharedState({ topic: TOPIC, ...this.#init, ...init })({
      plane,
      gossip,
      store: store satisfies KeyValueStore,
      signer: { peerId: peer, sign: (bytes) => this.sign(peer, bytes) },
      verify: (writer, bytes, signature) => {
        if (this.cheapSignatures) return Buffer.compare(this.sign(writer, bytes), signature) === 0
        const keys = this.#keys.get(writer)
        return keys !== undefined && verify(null, bytes, keys.publicKey, signature)
      },
      isMember: (other) => this.members.has(other),
      clock: this.clock,
      random: seededRandom(this.#seed++),
      logger: recorder(this.log),
    })
    const node = { peer, state, store }
    this.#nodes.set(peer, node)
    await state.start()
    return node
  }

  connect(...nodes: readonly Node[]): void {
    for (const a of nodes) {
      for (const b of nodes) {
        if (a.peer >= b.peer || this.network.isLinked(a.peer, b.peer)) continue
        this.network.link(a.peer, b.peer)
        a.state.peerUp(b.peer)
        b.state.peerUp(a.peer)
      }
    }
  }

  disconnect(a: Node, b: Node): void {
    this.network.unlink(a.peer, b.peer)
    a.state.peerDown(b.peer)
    b.state.peerDown(a.peer)
  }

  /** The node is gone at once, as by SIGKILL; `start` brings it back. */
  crash(node: Node): void {
    for (const other of this.nodes) if (this.network.isLinked(node.peer, other.peer)) this.disconnect(node, other)
    this.network.attach(node.peer)
    node.store.failure = new Error('dead')
    this.#nodes.delete(node.peer)
    onTestFinished(() => node.state.stop())
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms)
    for (const { state } of this.nodes) await state.settled().catch(() => undefined)
    await rest()
  }
}

/** What somebody sees in a collection: `key=value` by writer. */
export function view(state: SharedState, collection = 'units'): string[] {
  return state.entries(collection, { allWriters: true }).map(describeRecord)
}

export function describeRecord({ key, writer, value }: SharedRecord): string {
  return `${key}=${JSON.stringify(value)} by ${writer.slice('12D3KooW'.length)}`
}

function recorder(log: LogLine[]): Logger {
  const at =
    (level: LogLine['level']) =>
    (fields: object, msg: string): void =>
      void log.push({ level, fields: { ...fields }, msg })
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => logger }
  return logger
}
