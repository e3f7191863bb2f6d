import { createHash } from 'node:crypto'
import type { RemoteInfo } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Clock, type Logger, messageOf, type PeerIdString, type Random, type Timer } from '@vsmcp/kernel'
import type { MulticastDNS, QueryPacket, ResponsePacket } from 'multicast-dns'
import { parseAddress, peerOf } from './addresses.ts'
import { FOUND_ADDRESSES_MAX, FOUND_PER_SECOND, LOCAL_ANSWER_MS, LOCAL_QUERY_MS } from './constants.ts'

export interface LocalDiscoveryInit {
  /** Whoever knows the mesh id finds its nodes; the tag does not tell it. */
  readonly meshId: string
  readonly self: PeerIdString
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Where this node listens, with `/p2p/…`. */
  readonly addresses: () => readonly string[]
  /** Somebody says that this peer is there. It may be a lie. */
  readonly onFound: (peer: PeerIdString, addresses: readonly string[]) => void
}

interface Ear {
  readonly socket: MulticastDNS
  answeredMs: number
}

/** The name nodes of a mesh ask for and answer to. */
export function serviceTag(meshId: string): string {
  return `_vsmcp-${createHash('sha256').update(`vsmcp mdns ${meshId}`).digest('hex').slice(0, 20)}._udp.local`
}

/**
 * Multicast DNS (RFC 6762, in the form of libp2p's own discovery) on every interface: where a plant has no uplink it has no
 * default route, either, and `@libp2p/mdns` sends nowhere else. Answers and what is taken from others are bounded, and an
 * address counts only when it was sent from that very address.
 */
export class LocalDiscovery {
  readonly #init: LocalDiscoveryInit
  readonly #tag: string
  readonly #instance: string
  readonly #ears = new Map<string, Ear>()
  #timer: Timer | undefined
  #found = { sinceMs: 0, count: 0 }
  #stopped = false

  constructor(init: LocalDiscoveryInit) {
    this.#init = init
    this.#tag = serviceTag(init.meshId)
    this.#instance = `${Math.floor(init.random.next() * 2 ** 48).toString(36)}.${this.#tag}`
  }

  async start(): Promise<void> {
    const { default: multicastDns } = await import('multicast-dns')
    if (this.#stopped) return
    const look = (): void => {
      this.#listenWhereThereIsANetwork((address) => multicastDns({ interface: address, bind: '0.0.0.0' }))
      for (const { socket } of this.#ears.values()) socket.query({ questions: [{ name: this.#tag, type: 'PTR' }] })
    }
    look()
    this.#timer = this.#init.clock.every(LOCAL_QUERY_MS, look)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    for (const address of this.#ears.keys()) this.#close(address)
  }

  #listenWhereThereIsANetwork(open: (address: string) => MulticastDNS): void {
    const present = localAddresses()
    for (const address of this.#ears.keys()) if (!present.has(address)) this.#close(address)
    for (const address of present) {
      if (this.#ears.has(address)) continue
      const socket = open(address)
      const ear: Ear = { socket, answeredMs: -Infinity }
      this.#ears.set(address, ear)
      socket.on('query', (query) => this.#answer(query, address, ear))
      socket.on('response', (response, from) => this.#take(response, from))
      socket.on('warning', (error) => this.#init.logger.debug({ address, error: messageOf(error) }, 'multicast DNS is disturbed'))
      socket.on('error', (error) => {
        this.#init.logger.warn({ address, error: messageOf(error) }, 'no multicast DNS on an interface')
        this.#close(address)
      })
    }
  }

  #close(address: string): void {
    const ear = this.#ears.get(address)
    this.#ears.delete(address)
    ear?.socket.destroy()
  }

  /** Once a second at most: nobody makes this node flood a network. */
  #answer({ questions = [] }: QueryPacket, address: string, ear: Ear): void {
    if (!questions.some(({ name, type }) => name === this.#tag && type === 'PTR')) return
    const nowMs = this.#init.clock.monotonicMs()
    if (nowMs - ear.answeredMs < LOCAL_ANSWER_MS) return
    const here = this.#init.addresses().filter((each) => hostOf(each) === address)
    if (here.length === 0) return
    ear.answeredMs = nowMs
    const texts = here.slice(0, FOUND_ADDRESSES_MAX).map((each) => `dnsaddr=${each}`)
    ear.socket.respond({
      answers: [
        { name: this.#tag, type: 'PTR', ttl: 120, data: this.#instance },
        ...texts.map((data) => ({ name: this.#instance, type: 'TXT', ttl: 120, data }) as const),
      ],
    })
  }

  #take({ answers = [], additionals = [] }: ResponsePacket, from: RemoteInfo): void {
    const named = answers.find(({ name, type }) => name === this.#tag && type === 'PTR')
    if (named === undefined || ('data' in named && named.data === this.#instance) || !this.#hasRoom()) return
    const texts = [...answers, ...additionals].flatMap((each) => (each.type === 'TXT' ? [each.data].flat() : []))
    const said = texts.slice(0, FOUND_ADDRESSES_MAX).flatMap((text) => /^dnsaddr=(.+)$/.exec(String(text))?.[1] ?? [])
    const byPeer = Map.groupBy(
      said.filter((address) => hostOf(address) === from.address),
      (address) => peerIn(address),
    )
    for (const [peer, addresses] of byPeer) {
      if (peer !== undefined && peer !== this.#init.self) this.#init.onFound(peer, addresses)
    }
  }

  #hasRoom(): boolean {
    const nowMs = this.#init.clock.monotonicMs()
    if (nowMs - this.#found.sinceMs >= 1_000) this.#found = { sinceMs: nowMs, count: 0 }
    this.#found.count += 1
    return this.#found.count <= FOUND_PER_SECOND
  }
}

/** IPv4 addresses of this machine that others on the spot reach; its loopback where it has no network at all. */
function localAddresses(): Set<string> {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  const own = all.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address)
  return new Set(own.length > 0 ? own : ['127.0.0.1'])
}

function hostOf(address: string): string | undefined {
  return /^\/ip4\/([^/]+)\//.exec(address)?.[1]
}

function peerIn(address: string): PeerIdString | undefined {
  try {
    const peer = peerOf(parseAddress(address))
    return peer === undefined ? undefined : peerIdFromString(peer).toString()
  } catch {
    return undefined
  }
}
