import type { PeerIdString } from '@vsmcp/kernel'
import { EXCHANGED, EXCHANGE_LOOKS_MAX, GOSSIP_FANOUT, GOSSIP_PERIOD_MS, RUMORS_TAKEN_MAX } from './constants.ts'
import type { MembershipEffect, MembershipInit } from './contract.ts'
import type { Known, MemberTable } from './member-table.ts'
import { type Head, type Rumor, rumorOf } from './message.ts'
import type { OwnWord } from './own-word.ts'
import type { PeerCircle } from './peer-circle.ts'
import type { ProbeMessage } from './probes.ts'
import { RumorQueue } from './rumor-queue.ts'

export interface VoiceComponents {
  readonly init: Required<Pick<MembershipInit, 'self' | 'lifeguard'>>
  readonly own: OwnWord
  /** Whom it can speak to. */
  readonly speaking: PeerCircle
  readonly table: MemberTable
  readonly emit: (effect: MembershipEffect) => void
}

/**
 * What this node says to others, and what rides along: the accused hears of it first, news is passed on a few times, and who holds another picture of
 * the group is told the next few of all members.
 */
export class Voice {
  readonly #c: VoiceComponents
  readonly #queue = new RumorQueue()
  #gossipAtMs = Number.NEGATIVE_INFINITY

  constructor(components: VoiceComponents) {
    this.#c = components
  }

  /** Rides along with what is said from now on. */
  spread(rumor: Rumor): void {
    this.#queue.add(rumor)
  }

  /** Nothing is passed on of it any more. */
  forget(peer: PeerIdString): void {
    this.#queue.delete(peer)
  }

  /** What was to be passed on against it is not. */
  acquit(peer: PeerIdString): void {
    if (this.#queue.get(peer)?.state !== 'alive') this.#queue.delete(peer)
  }

  /** This node's own word. */
  greet(peer: PeerIdString): void {
    this.#send(peer, { type: 'gossip' }, [this.#c.own.rumor])
  }

  /** To who accuses a member of what that has answered already. */
  correct(peer: PeerIdString, known: Known): void {
    this.#send(peer, { type: 'gossip' }, [rumorOf(known, 'alive', false)])
  }

  /** @param digest of what the asker holds; undefined for one whose picture of the group is no matter */
  answer(peer: PeerIdString, number: number, digest: number | undefined): void {
    const differs = digest !== undefined && digest !== this.#digest()
    this.#send(peer, { type: 'ack', number }, differs ? this.#picture() : [])
  }

  probe(to: PeerIdString, message: ProbeMessage): void {
    if (message.type === 'nack') this.#c.emit({ type: 'send', to, message: { type: 'nack', number: message.number } })
    else if (message.type === 'ask') this.#send(to, message, [])
    else this.#send(to, { type: message.type, number: message.number }, [])
  }

  tick(nowMs: number): void {
    const atMs = this.nextAtMs()
    if (atMs === undefined || atMs > nowMs) return
    this.#gossipAtMs = nowMs + GOSSIP_PERIOD_MS
    for (const peer of this.#c.speaking.draw(GOSSIP_FANOUT)) this.#send(peer, { type: 'gossip' }, [])
  }

  /** When it tells some by itself what is to be passed on. */
  nextAtMs(): number | undefined {
    return this.#queue.size > 0 && this.#c.speaking.size > 0 ? this.#gossipAtMs : undefined
  }

  #send(to: PeerIdString, head: Head, rumors: readonly Rumor[]): void {
    const { init, table, emit } = this.#c
    const known = table.get(to)
    // The accused hears of it first, and so can answer first (Lifeguard's buddy system).
    const isAccused = init.lifeguard && known?.accused !== undefined && known.accused === known.incarnation
    const accusation = isAccused ? [rumorOf(known, 'suspect', false)] : []
    const all = [...accusation, ...rumors, ...this.#queue.take(RUMORS_TAKEN_MAX, table.listed.size + 1)]
    if (head.type === 'ask') emit({ type: 'send', to, message: { ...head, rumors: all } })
    else if (head.type === 'gossip') emit({ type: 'send', to, message: { type: 'gossip', rumors: all } })
    else emit({ type: 'send', to, message: { ...head, digest: this.#digest(), rumors: all } })
  }

  #picture(): Rumor[] {
    const { table, own } = this.#c
    const { listed } = table
    const rumors = [own.rumor]
    for (let looks = Math.min(EXCHANGE_LOOKS_MAX, listed.size); looks > 0 && rumors.length <= EXCHANGED; looks--) {
      const known = table.get(listed.next() ?? '')
      if (known === undefined || known.incarnation < 0 || known.state === 'left') continue
      rumors.push(rumorOf(known, known.state === 'failed' ? 'failed' : 'alive', false))
    }
    return rumors
  }

  #digest(): number {
    const { init, own, table } = this.#c
    return table.digestWith(init.self, own.incarnation)
  }
}
