import type { PeerIdString, Random } from '@vsmcp/kernel'
import {
  membership,
  type MembershipEffect,
  type MembershipMessage,
  type MembershipView,
  validateMembershipMessage,
} from '@vsmcp/membership'
import { sameBytes, signatureOf } from './authority.ts'
import { bytesOf } from './bytes.ts'
import type { Host } from './host.ts'
import { type PresenceInvariants, rumorsOf } from './presence-invariants.ts'

/** What a view asks of the world. */
export interface PresenceEvents {
  now(): number
  at(atMs: number, run: () => void): void
  dial(host: Host, peer: PeerIdString): void
  send(host: Host, to: PeerIdString, message: MembershipMessage): void
  /** After every input, with all that came of it. */
  changed(host: Host, effects: readonly MembershipEffect[]): void
  readonly invariants: PresenceInvariants
}

/** One process's real view of who is there, with the time it needs. It lives as long as the process. */
export class Presence {
  readonly view: MembershipView
  readonly #host: Host
  readonly #events: PresenceEvents
  readonly #life: number
  #wakeAtMs = Number.POSITIVE_INFINITY

  constructor(host: Host, events: PresenceEvents, random: Random) {
    this.#host = host
    this.#events = events
    this.#life = host.life
    const incarnation = host.clock.wallMs(events.now())
    this.view = membership({ self: host.id, incarnation, redialMaxMs: 2_000, unseenMs: 2_000, dialTimeoutMs: 3_000 })({
      random,
      signAlive: (word) => {
        events.invariants.sawSigned(host.id, word)
        return signatureOf({ peer: host.id }, words(word))
      },
      verifyAlive: (peer, word, signature) => sameBytes(signature, signatureOf({ peer }, words(word))),
    })
  }

  /** Tells the view something; a paused process hears it when it goes on, a dead one never. */
  input(call: (view: MembershipView, nowMs: number) => readonly MembershipEffect[]): void {
    this.#host.whenRunning(() => {
      if (this.#host.life !== this.#life) return
      const effects = call(this.view, this.#host.localMs)
      this.#events.changed(this.#host, effects)
      this.#events.invariants.sawEffects(this.#host.key, effects, (peer) => this.view.member(peer))
      for (const effect of effects) {
        if (effect.type === 'dial') this.#events.dial(this.#host, effect.peer)
        else if (effect.type === 'send') this.#events.send(this.#host, effect.to, effect.message)
      }
      this.#wake()
    })
  }

  receive(from: PeerIdString, message: MembershipMessage): void {
    const { invariants } = this.#events
    this.input((view, nowMs) => {
      // Only members are heard, and only about members.
      const isListed = (peer: PeerIdString): boolean => this.#host.state?.members.has(peer) === true
      const before = rumorsOf(message).map(({ peer }) => (isListed(peer) ? view.member(peer) : undefined))
      const listens = view.member(from)?.isConnected === true && isListed(from)
      const effects = view.received(from, validateMembershipMessage(message), nowMs)
      if (listens) invariants.sawHeard(this.#host.key, from, message, before, (peer) => view.member(peer))
      return effects
    })
  }

  #wake(): void {
    const next = this.view.nextTickAtMs()
    if (next === undefined || !Number.isFinite(next)) return
    const now = this.#events.now()
    const atMs = Math.max(now + 1, Math.ceil(this.#host.clock.trueMs(next)))
    if (atMs >= this.#wakeAtMs && this.#wakeAtMs > now) return
    this.#wakeAtMs = atMs
    this.#events.at(atMs, () => {
      if (this.#wakeAtMs !== atMs) return
      this.#wakeAtMs = Number.POSITIVE_INFINITY
      this.input((view, nowMs) => view.tick(nowMs))
    })
  }
}

function words(incarnation: number): Uint8Array {
  return bytesOf(`alive ${incarnation}`)
}
