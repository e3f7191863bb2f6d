import type { Message } from '@vsmcp/consensus'
import { type PeerIdString, seededRandom } from '@vsmcp/kernel'
import type { MembershipMessage } from '@vsmcp/membership'
import type { EventQueue } from './event-queue.ts'
import type { Host } from './host.ts'
import type { Network } from './network.ts'
import type { Dice } from './plan.ts'
import { Presence, type PresenceEvents } from './presence.ts'

/** Milliseconds until a dial into silence is given up by the operating system. */
const DIAL_SILENCE_MS = 2_000

export interface MeshEvents {
  now(): number
  changed: PresenceEvents['changed']
  readonly presence: PresenceEvents['invariants']
  /** Two processes meet. @returns whether either can bear the other */
  hello(a: Host, b: Host): boolean
  /** Whether a process takes `peer` for somebody who may talk to it. */
  accepts(host: Host, peer: PeerIdString): boolean
}

/** All processes with the connections between them: what in a node is the mesh's adapter and the operating system below it. */
export class Mesh {
  readonly hosts: Host[] = []
  readonly network: Network
  readonly #presences = new Map<string, Presence>()
  readonly #events: EventQueue
  readonly #dice: Dice
  readonly #hooks: MeshEvents

  constructor(network: Network, events: EventQueue, dice: Dice, hooks: MeshEvents) {
    this.network = network
    this.#events = events
    this.#dice = dice
    this.#hooks = hooks
  }

  /** A process begins: with nobody connected, and the members its log names to look for. */
  started(host: Host): void {
    if (!this.hosts.includes(host)) this.hosts.push(host)
    const events: PresenceEvents = {
      now: () => this.#hooks.now(),
      at: (atMs, run) => this.#events.add(atMs, run),
      dial: (from, peer) => this.#dial(from, peer),
      send: (from, to, message) => this.sendPresence(from, to, message),
      invariants: this.#hooks.presence,
      changed: (of, effects) => this.#hooks.changed(of, effects),
    }
    this.#presences.set(host.key, new Presence(host, events, seededRandom(this.#dice.upTo(2 ** 31))))
    for (const peer of host.state?.members.keys() ?? []) this.listed(host, peer)
  }

  presence(host: Host): Presence {
    const presence = this.#presences.get(host.key)
    if (presence === undefined) throw new Error(`${host.key} was never started`)
    return presence
  }

  /** A process learns that somebody is a member. */
  listed(host: Host, peer: PeerIdString): void {
    if (peer !== host.id) this.presence(host).input((view, nowMs) => view.memberAdded(peer, [`/at/${peer}`], nowMs))
  }

  /** A process learns that somebody is none any more, and hangs up. */
  unlisted(host: Host, peer: PeerIdString): void {
    this.presence(host).input((view, nowMs) => view.memberRemoved(peer, nowMs))
    const other = this.peerOf(host, peer)
    if (other !== undefined) this.close(host, other, { a: true, b: true })
  }

  hostsOf(id: PeerIdString): readonly Host[] {
    return this.hosts.filter((host) => host.id === id)
  }

  /** The process that another is connected to under an identity. */
  peerOf(host: Host, id: PeerIdString): Host | undefined {
    return this.hosts.find((other) => other.id === id && other !== host && this.network.isConnected(host.key, other.key))
  }

  /** Over the connection there is, or not at all. */
  send(from: Host, to: PeerIdString, deliver: (host: Host) => void): void {
    const other = this.peerOf(from, to)
    if (other !== undefined) this.network.send(from.key, other.key, () => deliver(other))
  }

  sendMessage(from: Host, to: PeerIdString, message: Message): void {
    const sent = { ...message, epoch: from.epoch }
    const recovery = from.chain.at(-1)?.id
    this.send(from, to, (host) => {
      // A connection is let go with the membership: what still comes from there is not heard.
      if (this.#hooks.accepts(host, from.id)) host.receive(from.id, sent, recovery)
    })
  }

  sendPresence(from: Host, to: PeerIdString, message: MembershipMessage): void {
    this.send(from, to, (host) => this.presence(host).receive(from.id, message))
  }

  /** A question and its answer, each of which may be lost. */
  ask<T>(from: Host, to: PeerIdString, answer: (host: Host) => T | undefined, then: (given: T) => void): void {
    if (to === from.id) {
      const own = answer(from)
      if (own !== undefined) then(own)
      return
    }
    const { life } = from
    this.send(from, to, (host) =>
      host.whenRunning(() => {
        const given = answer(host)
        if (given === undefined) return
        this.network.send(host.key, from.key, () =>
          from.whenRunning(() => {
            if (from.life === life) then(given)
          }),
        )
      }),
    )
  }

  open(a: Host, b: Host): void {
    if (!this.network.connect(a.key, b.key)) return
    for (const [self, other] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#hooks.presence.sawConnection(self.key, other.id)
      this.presence(self).input((view, nowMs) => view.connected(other.id, nowMs))
      self.input((raft) => raft.connectionOpened(other.id))
    }
  }

  /** The connection ends; each side learns of it that is `told`, the other when it dials again or is dialed. */
  close(a: Host, b: Host, told: { a: boolean; b: boolean }): void {
    if (!this.network.disconnect(a.key, b.key)) return
    if (told.a) this.#lost(a, b.id)
    else this.#lostLater(a, b)
    if (told.b) this.#lost(b, a.id)
    else this.#lostLater(b, a)
  }

  /** A process dies or is cut off: all its connections end. */
  closeAll(host: Host, told: boolean): void {
    for (const other of this.hosts) if (other !== host) this.close(other, host, { a: told, b: host.up })
  }

  #lost(host: Host, peer: PeerIdString): void {
    this.presence(host).input((view, nowMs) => view.disconnected(peer, nowMs))
    host.input((raft) => raft.connectionClosed(peer))
  }

  #lostLater(host: Host, other: Host): void {
    const { life } = host
    this.#events.add(this.#hooks.now() + this.#dice.between(200, 3_000), () => {
      if (host.life === life && this.peerOf(host, other.id) === undefined) this.#lost(host, other.id)
    })
  }

  #dial(from: Host, peer: PeerIdString): void {
    const { life } = from
    const report = (afterMs: number, what: 'refused' | 'timeout' | 'connected'): void =>
      this.#events.add(this.#hooks.now() + afterMs, () => {
        if (from.life !== life) return
        this.presence(from).input((view, nowMs) =>
          what === 'connected' ? view.dialSucceeded(peer, nowMs) : view.dialFailed(peer, nowMs, what),
        )
      })
    if (this.peerOf(from, peer) !== undefined) {
      report(1, 'connected')
      return
    }
    // Of two processes with one identity, either may be the one at the address.
    const at = this.hostsOf(peer).filter((host) => host !== from)
    const to = at[this.#dice.upTo(at.length - 1)]
    if (to === undefined || !this.#carriesBoth(from, to)) {
      report(DIAL_SILENCE_MS, 'timeout')
      return
    }
    this.#events.add(this.#hooks.now() + this.network.delayMs() + this.network.delayMs(), () => {
      if (from.life !== life || !from.up) return
      if (!this.#carriesBoth(from, to)) report(DIAL_SILENCE_MS, 'timeout')
      else if (to.paused) report(DIAL_SILENCE_MS, 'timeout')
      else if (!to.up || !this.#hooks.hello(from, to) || !this.#welcomes(from, to)) report(0, 'refused')
      else {
        this.open(from, to)
        report(0, 'connected')
      }
    })
  }

  /** Both must take the other for a member; and of two processes with one identity the later hello is refused. */
  #welcomes(a: Host, b: Host): boolean {
    const taken = (host: Host, other: Host): boolean => {
      const known = this.peerOf(host, other.id)
      return known !== undefined && known !== other
    }
    return this.#hooks.accepts(a, b.id) && this.#hooks.accepts(b, a.id) && !taken(a, b) && !taken(b, a)
  }

  #carriesBoth(a: Host, b: Host): boolean {
    return this.network.carries(a.key, b.key) && this.network.carries(b.key, a.key)
  }
}
