import type { PeerIdString } from '@vsmcp/kernel'
import { Agenda } from './agenda.ts'
import { NACK_AFTER_MS, PING_TIMEOUT_MS, PROBES_MAX, RELAYS_MAX, RELAYS_PER_ASKER_MAX, RTT_MAX_MS } from './constants.ts'
import type { LocalHealth } from './local-health.ts'

export type ProbeMessage =
  | { readonly type: 'ping' | 'ack' | 'nack'; readonly number: number }
  | { readonly type: 'ask'; readonly number: number; readonly target: PeerIdString }

export interface ProbesHost {
  readonly periodMs: number
  readonly lifeguard: boolean
  readonly health: LocalHealth
  /** Added to timeouts: how late this process runs. */
  lagMs(): number
  send(to: PeerIdString, message: ProbeMessage): void
  /** Whether it is connected and speaks this protocol. */
  canPing(peer: PeerIdString): boolean
  /** Some to ask, by chance. */
  helpersFor(target: PeerIdString): PeerIdString[]
  onReached(target: PeerIdString, through: PeerIdString, nowMs: number): void
  /** Nobody had an answer. @param startedMs when the probe began */
  onSilent(target: PeerIdString, asked: readonly PeerIdString[], startedMs: number, nowMs: number): void
}

interface Probe {
  readonly target: PeerIdString
  readonly startedMs: number
  readonly endAtMs: number
  asked: PeerIdString[] | undefined
  readonly nacks: Set<PeerIdString>
}

interface Relay {
  readonly target: PeerIdString
  readonly asker: PeerIdString
  readonly theirs: number
  hasNacked: boolean
}

/** Probes of this node, direct and through others, and those it carries out for others (SWIM, section 3.1). */
export class Probes {
  readonly #host: ProbesHost
  readonly #own = new Map<number, Probe>()
  readonly #ofTarget = new Map<PeerIdString, number>()
  readonly #relays = new Map<number, Relay>()
  readonly #relaysOf = new Map<PeerIdString, number>()
  readonly #agenda = new Agenda<number>()
  /** The last ping to each, answered or not, so that late answers measure the way, too. */
  readonly #lastPings = new Map<PeerIdString, { number: number; sentAtMs: number }>()
  readonly #rttMs = new Map<PeerIdString, number>()
  #number = 0

  constructor(host: ProbesHost) {
    this.#host = host
  }

  nextAtMs(): number | undefined {
    return this.#agenda.nextAtMs()
  }

  /** Probes the member unless that is under way. @returns whether it is now */
  start(target: PeerIdString, nowMs: number): boolean {
    if (this.#ofTarget.has(target)) return true
    if (this.#own.size >= PROBES_MAX) return false
    const { periodMs, health, lifeguard } = this.#host
    const number = ++this.#number
    // Who answers late as a rule is waited for.
    const rttMs = lifeguard ? (this.#rttMs.get(target) ?? 0) : 0
    const slackMs = this.#host.lagMs()
    const endAtMs = nowMs + Math.max(periodMs, 4 * rttMs) * health.factor + 2 * slackMs
    const probe: Probe = { target, startedMs: nowMs, endAtMs, asked: undefined, nacks: new Set() }
    this.#own.set(number, probe)
    this.#ofTarget.set(target, number)
    if (this.#host.canPing(target)) {
      this.#lastPings.set(target, { number, sentAtMs: nowMs })
      this.#host.send(target, { type: 'ping', number })
      this.#agenda.set(number, nowMs + Math.max(PING_TIMEOUT_MS, 2 * rttMs) * health.factor + slackMs)
    } else this.#ask(number, probe, nowMs)
    return true
  }

  /** Gives up what is under way concerning a member that is forgotten. */
  forget(peer: PeerIdString): void {
    const number = this.#ofTarget.get(peer)
    if (number !== undefined) this.#drop(number, peer)
    this.#lastPings.delete(peer)
    this.#rttMs.delete(peer)
  }

  /** @param asker a member; its request is refused by a `nack` when nothing can be done */
  asked(asker: PeerIdString, theirs: number, target: PeerIdString, nowMs: number): void {
    const count = this.#relaysOf.get(asker) ?? 0
    if (count >= RELAYS_PER_ASKER_MAX || this.#relays.size >= RELAYS_MAX || !this.#host.canPing(target)) {
      if (this.#host.lifeguard) this.#host.send(asker, { type: 'nack', number: theirs })
      return
    }
    const number = ++this.#number
    this.#relays.set(number, { target, asker, theirs, hasNacked: false })
    this.#relaysOf.set(asker, count + 1)
    this.#agenda.set(number, nowMs + NACK_AFTER_MS)
    this.#host.send(target, { type: 'ping', number })
  }

  acked(from: PeerIdString, number: number, nowMs: number): void {
    const last = this.#lastPings.get(from)
    if (last?.number === number) this.#measured(from, nowMs - last.sentAtMs)
    const relay = this.#relays.get(number)
    if (relay?.target === from) {
      this.#host.send(relay.asker, { type: 'ack', number: relay.theirs })
      this.#dropRelay(number, relay)
      return
    }
    const probe = this.#own.get(number)
    if (probe === undefined || (probe.target !== from && probe.asked?.includes(from) !== true)) return
    this.#drop(number, probe.target)
    this.#host.health.change(-1)
    if (probe.target !== from) this.#host.onReached(probe.target, from, nowMs)
  }

  nacked(from: PeerIdString, number: number): void {
    const probe = this.#own.get(number)
    if (probe?.asked?.includes(from) === true) probe.nacks.add(from)
  }

  /** @param notBeforeMs nobody is judged until then */
  tick(nowMs: number, notBeforeMs: number): void {
    for (let number = this.#agenda.take(nowMs); number !== undefined; number = this.#agenda.take(nowMs)) {
      const relay = this.#relays.get(number)
      const probe = this.#own.get(number)
      if (relay !== undefined) this.#relayDue(number, relay, nowMs)
      else if (probe !== undefined && nowMs < notBeforeMs) this.#agenda.set(number, notBeforeMs)
      else if (probe !== undefined && probe.asked === undefined) this.#ask(number, probe, nowMs)
      else if (probe !== undefined) this.#over(number, probe, nowMs)
    }
  }

  #ask(number: number, probe: Probe, nowMs: number): void {
    probe.asked = this.#host.helpersFor(probe.target)
    for (const helper of probe.asked) this.#host.send(helper, { type: 'ask', number, target: probe.target })
    // They get their time also when this node comes late to ask them.
    this.#agenda.set(number, Math.max(probe.endAtMs, nowMs + PING_TIMEOUT_MS * this.#host.health.factor))
  }

  #over(number: number, { target, asked = [], nacks, startedMs }: Probe, nowMs: number): void {
    this.#drop(number, target)
    // Who says "I hear nothing either" shows that this node's own ears work.
    this.#host.health.change(asked.length > 0 ? asked.length - nacks.size : 1)
    this.#host.onSilent(target, asked, startedMs, nowMs)
  }

  #relayDue(number: number, relay: Relay, nowMs: number): void {
    if (relay.hasNacked) {
      this.#dropRelay(number, relay)
      return
    }
    relay.hasNacked = true
    if (this.#host.lifeguard) this.#host.send(relay.asker, { type: 'nack', number: relay.theirs })
    // A late answer is passed on still.
    this.#agenda.set(number, nowMs + RTT_MAX_MS)
  }

  #drop(number: number, target: PeerIdString): void {
    this.#own.delete(number)
    this.#agenda.delete(number)
    this.#ofTarget.delete(target)
  }

  #dropRelay(number: number, { asker }: Relay): void {
    this.#relays.delete(number)
    this.#agenda.delete(number)
    const left = (this.#relaysOf.get(asker) ?? 1) - 1
    if (left > 0) this.#relaysOf.set(asker, left)
    else this.#relaysOf.delete(asker)
  }

  #measured(peer: PeerIdString, sampleMs: number): void {
    const before = this.#rttMs.get(peer)
    const rttMs = before === undefined ? sampleMs : before + (sampleMs - before) / 8
    this.#rttMs.set(peer, Math.min(RTT_MAX_MS, rttMs))
  }
}
