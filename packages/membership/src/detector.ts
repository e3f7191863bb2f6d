import type { PeerIdString, Random } from '@vsmcp/kernel'
import { Agenda, earliest } from './agenda.ts'
import {
  EYEWITNESSES,
  FRESH_PERIODS,
  GOSSIP_PERIOD_MS,
  GREET_AGAIN_MS,
  HELPERS,
  LOOK_PERIODS_MAX,
  LOOKS_PER_PERIOD,
} from './constants.ts'
import type { Evidence, MembershipComponents, MembershipEffect, MembershipInit } from './contract.ts'
import { LocalHealth } from './local-health.ts'
import type { Known, MemberTable } from './member-table.ts'
import { type MembershipMessage, type Rumor, rumorOf } from './message.ts'
import { OwnWord } from './own-word.ts'
import { PeerCircle } from './peer-circle.ts'
import { Probes } from './probes.ts'
import { suspicionTimeoutMs } from './suspicion.ts'
import { Voice } from './voice.ts'
import { voucherOf, Words } from './words.ts'

export type DetectorInit = Required<Pick<MembershipInit, 'self' | 'incarnation' | 'unseenMs' | 'probePeriodMs' | 'lifeguard'>>

export interface DetectorHost {
  readonly table: MemberTable
  isConnected(peer: PeerIdString): boolean
  emit(effect: MembershipEffect): void
}

/**
 * SWIM with Lifeguard: finds members that fell silent and spreads what is known of all. Three rules go beyond the papers, for
 * connections stand and members may lie: what this node hears itself counts more than any word of others; nobody with whom it is
 * connected fails before its own probe has failed; and a member's incarnation is believed with the member's signature only.
 */
export class Detector {
  readonly health: LocalHealth
  readonly #init: DetectorInit
  readonly #host: DetectorHost
  readonly #random: Random
  readonly #verify: MembershipComponents['verifyAlive']
  readonly #own: OwnWord
  readonly #probes: Probes
  readonly #voice: Voice
  /** Listed, and neither seen nor heard of in this life. */
  readonly #unseen = new Set<PeerIdString>()
  /** Who is alive by whose word alone. */
  readonly #words = new Words()
  /** Connected, and heard to speak this protocol. */
  readonly #speaking: PeerCircle
  /** When suspicion becomes a verdict. */
  readonly #verdicts = new Agenda<PeerIdString>()
  /** When whom to greet again: connected, and not heard yet. */
  readonly #greetings = new Agenda<PeerIdString>()
  #lagMs = 0
  #graceUntilMs = Number.NEGATIVE_INFINITY
  #probeAtMs: number | undefined
  /** When others are asked next for whom this node has not seen. */
  #askAtMs = Number.NEGATIVE_INFINITY

  constructor(init: DetectorInit, components: MembershipComponents, host: DetectorHost) {
    this.#init = init
    this.#host = host
    this.#random = components.random
    this.#verify = components.verifyAlive
    this.#own = new OwnWord(init.self, init.incarnation, components.signAlive)
    this.#speaking = new PeerCircle(components.random)
    this.#voice = new Voice({
      init,
      own: this.#own,
      speaking: this.#speaking,
      table: host.table,
      emit: (effect) => host.emit(effect),
    })
    this.health = new LocalHealth(init.lifeguard)
    this.#probes = new Probes({
      periodMs: init.probePeriodMs,
      lifeguard: init.lifeguard,
      health: this.health,
      lagMs: () => (init.lifeguard ? this.#lagMs : 0),
      send: (to, message) => this.#voice.probe(to, message),
      canPing: (peer) => this.#speaking.has(peer),
      helpersFor: (target) => this.#speaking.draw(HELPERS, (peer) => peer !== target && this.#isListed(peer)),
      onReached: (target, through, nowMs) => this.#reached(target, through, nowMs),
      onSilent: (target, asked, startedMs, nowMs) => this.#silent(target, asked, startedMs, nowMs),
    })
  }

  lagMeasured(lagMs: number): void {
    this.#lagMs = lagMs
  }

  /** This process stood still: nobody is judged until what came meanwhile has been read. */
  stalled(untilMs: number): void {
    if (this.#init.lifeguard) this.#graceUntilMs = untilMs
  }

  /** Listed and never seen: there is no evidence, and not for long. */
  unseen(known: Known): void {
    // Nodes that learn of the same members at once must not all ask at once.
    if (this.#unseen.size === 0) this.#askAtMs = Math.max(this.#askAtMs, known.sinceMs + this.#random.next() * GOSSIP_PERIOD_MS)
    this.#unseen.add(known.peer)
    this.#doubt(known, known.sinceMs, undefined)
  }

  connected(known: Known, nowMs: number): void {
    known.heardAtMs = nowMs
    if (known.incarnation < 0) {
      known.incarnation = 0
      this.#host.table.recount(known)
    }
    this.#clear(known, { kind: 'connected' }, nowMs)
    this.#greet(known.peer, nowMs)
  }

  disconnected(known: Known, nowMs: number): void {
    this.#speaking.delete(known.peer)
    this.#greetings.delete(known.peer)
    if (known.state !== 'alive' && known.state !== 'suspect') return
    this.#host.table.enter(known, 'suspect', { kind: 'closed' }, nowMs)
    this.#doubt(known, nowMs, undefined)
    // Perhaps it is only the way from here that is broken.
    if (known.isListed) this.#probes.start(known.peer, nowMs)
  }

  /** Nobody is at its addresses: evidence at once. */
  refused(known: Known, nowMs: number): void {
    if (known.state === 'suspect') this.#fail(known, { kind: 'refused' }, true, nowMs)
  }

  /** Left, or forgotten. */
  forget(peer: PeerIdString, nowMs: number): void {
    this.#unseen.delete(peer)
    this.#words.delete(peer)
    this.#doubtWordsOf(peer, nowMs)
    this.#verdicts.delete(peer)
    this.#voice.forget(peer)
    this.#probes.forget(peer)
    this.#speaking.delete(peer)
    this.#greetings.delete(peer)
  }

  received(known: Known, message: MembershipMessage, nowMs: number): void {
    const { peer } = known
    this.#heard(known, nowMs)
    // Who is not of the group, or left it, is answered, and its words count nothing.
    const isMember = known.isListed && known.state !== 'left'
    if (isMember && message.type !== 'nack') this.#hearAll(message.rumors, known, nowMs)
    if (message.type === 'ping') {
      this.#voice.answer(peer, message.number, isMember ? message.digest : undefined)
    } else if (message.type === 'ack') this.#probes.acked(peer, message.number, nowMs)
    else if (message.type === 'nack') this.#probes.nacked(peer, message.number)
    else if (message.type === 'ask' && isMember) this.#probes.asked(peer, message.number, message.target, nowMs)
  }

  tick(nowMs: number): void {
    this.#probes.tick(nowMs, this.#graceUntilMs)
    for (let peer = this.#greetings.take(nowMs); peer !== undefined; peer = this.#greetings.take(nowMs)) this.#greet(peer, nowMs)
    for (let peer = this.#verdicts.take(nowMs); peer !== undefined; peer = this.#verdicts.take(nowMs)) this.#judge(peer, nowMs)
    if (this.#own.raiseAtMs !== undefined && this.#own.raiseAtMs <= nowMs) this.#refute(this.#own.incarnation, nowMs)
    if (this.#speaking.size === 0) {
      this.#probeAtMs = undefined
      return
    }
    if (this.#probeAtMs !== undefined && this.#probeAtMs <= nowMs) this.#probeNext(nowMs)
    if (this.#unseen.size > 0 && this.#askAtMs <= nowMs) this.#askForUnseen(nowMs)
    this.#voice.tick(nowMs)
  }

  nextTickAtMs(): number | undefined {
    const askAtMs = this.#unseen.size > 0 && this.#speaking.size > 0 ? this.#askAtMs : undefined
    const [probe, verdict, greeting] = [this.#probes.nextAtMs(), this.#verdicts.nextAtMs(), this.#greetings.nextAtMs()]
    return earliest(probe, verdict, greeting, this.#own.raiseAtMs, this.#probeAtMs, this.#voice.nextAtMs(), askAtMs)
  }

  // ── What this node finds itself ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Who speaks this protocol shows it by saying the same; it hears at once what was said against it. */
  #greet(peer: PeerIdString, nowMs: number): void {
    if (!this.#speaking.has(peer)) this.#greetings.set(peer, nowMs + GREET_AGAIN_MS)
    this.#voice.greet(peer)
  }

  #heard(known: Known, nowMs: number): void {
    known.heardAtMs = nowMs
    this.#greetings.delete(known.peer)
    if (known.state === 'left') return
    if (!this.#speaking.has(known.peer)) {
      this.#speaking.add(known.peer)
      // Nodes that start together must not probe together.
      this.#probeAtMs ??= nowMs + this.#random.next() * this.#init.probePeriodMs
    }
    if (known.state === 'suspect' || known.state === 'failed') this.#clear(known, { kind: 'answered' }, nowMs)
  }

  #reached(target: PeerIdString, through: PeerIdString, nowMs: number): void {
    const known = this.#host.table.get(target)
    if (known?.state === 'suspect') this.#clear(known, { kind: 'reached', through }, nowMs)
  }

  #silent(target: PeerIdString, asked: readonly PeerIdString[], startedMs: number, nowMs: number): void {
    const known = this.#host.table.get(target)
    if (known === undefined || known.heardAtMs > startedMs || (known.state !== 'alive' && known.state !== 'suspect')) return
    this.#host.table.enter(known, 'suspect', { kind: 'silent', sinceMs: startedMs, asked }, nowMs)
    this.#doubt(known, nowMs, this.#init.self)
    this.#accuse(known, 'suspect', true)
  }

  /** It is alive after all. What was said against it goes on being told to itself until it answers. */
  #clear(known: Known, why: Evidence, nowMs: number): void {
    known.suspicion = undefined
    this.#unseen.delete(known.peer)
    this.#words.set(known.peer, voucherOf(why))
    this.#verdicts.delete(known.peer)
    this.#voice.acquit(known.peer)
    this.#host.table.enter(known, 'alive', why, nowMs)
  }

  /** @param witness who found it silent, in its own words */
  #doubt(known: Known, nowMs: number, witness: PeerIdString | undefined): void {
    this.#words.delete(known.peer)
    known.suspicion ??= { startedMs: nowMs, witnesses: new Set(), lookAtMs: this.#lookAtMs(nowMs), verdictAtMs: nowMs }
    if (witness !== undefined) known.suspicion.witnesses.add(witness)
    const { self, unseenMs, probePeriodMs, lifeguard } = this.#init
    const timing = { self, members: this.#members(), periodMs: probePeriodMs, lifeguard }
    const lastsMs = known.incarnation < 0 ? unseenMs : suspicionTimeoutMs(known.suspicion, timing)
    known.suspicion.verdictAtMs = known.suspicion.startedMs + lastsMs
    const { lookAtMs, verdictAtMs } = known.suspicion
    this.#verdicts.set(known.peer, this.#needsLook(known) ? Math.min(lookAtMs, verdictAtMs) : verdictAtMs)
  }

  /** A few at once, many one after the other. */
  #lookAtMs(nowMs: number): number {
    const members = this.#members()
    if (members <= EYEWITNESSES) return nowMs
    const periods = Math.min(LOOK_PERIODS_MAX, members / LOOKS_PER_PERIOD)
    return nowMs + this.#random.next() * periods * this.#init.probePeriodMs
  }

  /** On the word of others alone nobody fails who may answer. */
  #needsLook({ peer, suspicion }: Known): boolean {
    return this.#speaking.has(peer) && suspicion?.witnesses.has(this.#init.self) !== true
  }

  /** The time for suspicion is over. */
  #judge(peer: PeerIdString, nowMs: number): void {
    const known = this.#host.table.get(peer)
    if (known?.suspicion === undefined || known.state !== 'suspect') return
    const isWitness = known.suspicion.witnesses.has(this.#init.self)
    if (nowMs < this.#graceUntilMs) this.#verdicts.set(peer, this.#graceUntilMs)
    else if (this.#needsLook(known)) {
      // Silence ends in `#silent`, which comes back here.
      this.#probes.start(peer, nowMs)
      const lookedAtMs = nowMs + 2 * this.#init.probePeriodMs * this.health.factor
      this.#verdicts.set(peer, Math.max(lookedAtMs, known.suspicion.verdictAtMs))
    } else this.#fail(known, known.why, isWitness, nowMs)
  }

  #fail(known: Known, why: Evidence, firstHand: boolean, nowMs: number): void {
    known.suspicion = undefined
    this.#unseen.delete(known.peer)
    this.#verdicts.delete(known.peer)
    this.#host.table.enter(known, 'failed', why, nowMs)
    this.#accuse(known, 'failed', firstHand)
    this.#doubtWordsOf(known.peer, nowMs)
  }

  /** A word holds while the one who gave it is there: who is alive by it alone has to show itself anew. */
  #doubtWordsOf(by: PeerIdString, nowMs: number): void {
    for (const peer of this.#words.takeOf(by)) {
      const known = this.#host.table.get(peer)
      if (known === undefined || known.state !== 'alive' || this.#host.isConnected(peer)) continue
      this.#host.table.enter(known, 'suspect', { kind: 'unvouched', by }, nowMs)
      this.#doubt(known, nowMs, undefined)
      this.#accuse(known, 'suspect', false)
    }
  }

  /** Spreads a doubt or a verdict; of who was never seen there is nothing to say. */
  #accuse(known: Known, state: 'suspect' | 'failed', firstHand: boolean): void {
    if (!known.isListed || known.incarnation < 0) return
    known.accused = known.incarnation
    this.#voice.spread(rumorOf(known, state, firstHand))
  }

  #probeNext(nowMs: number): void {
    const target = this.#speaking.next()
    if (target !== undefined) this.#probes.start(target, nowMs)
    this.#probeAtMs = nowMs + this.#init.probePeriodMs * this.health.factor
  }

  /** Whoever answers a probe tells what it holds of the others: of whom this node has not seen it asks more often than it probes. */
  #askForUnseen(nowMs: number): void {
    const [peer] = this.#speaking.draw(1, (each) => this.#isListed(each))
    if (peer !== undefined) this.#probes.start(peer, nowMs)
    this.#askAtMs = nowMs + GOSSIP_PERIOD_MS * this.health.factor
  }

  // ── What others say ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  #hearAll(rumors: readonly Rumor[], from: Known, nowMs: number): void {
    for (const rumor of rumors) {
      const known = this.#host.table.get(rumor.peer)
      const isBelieved =
        rumor.peer === this.#init.self ? this.#hearOfSelf(rumor, from, nowMs) : this.#hear(rumor, known, from, nowMs)
      if (isBelieved) continue
      this.#host.emit({ type: 'offence', peer: from.peer, why: `it claims an incarnation that ${rumor.peer} did not sign` })
      return
    }
  }

  /** @returns false for a forged one */
  #hear(rumor: Rumor, known: Known | undefined, from: Known, nowMs: number): boolean {
    if (known === undefined || !known.isListed || known.state === 'left') return true
    if (rumor.incarnation < known.incarnation) {
      // It lacks the answer of the accused.
      if (rumor.state !== 'alive') this.#voice.correct(from.peer, known)
      return true
    }
    const isNews = rumor.incarnation > known.incarnation
    if (isNews && rumor.incarnation > 0 && !this.#isSigned(rumor)) return false
    if (isNews) this.#hearNews(rumor, known, from, nowMs)
    if (rumor.state !== 'alive') this.#hearAccusation(known, rumor.firstHand, from.peer, nowMs)
    return true
  }

  #hearNews({ state, incarnation, signature }: Rumor, known: Known, from: Known, nowMs: number): void {
    const isFirst = known.incarnation < 0
    known.incarnation = incarnation
    known.signature = signature
    known.accused = undefined
    this.#host.table.recount(known)
    if (state !== 'alive') return
    this.#voice.spread(rumorOf(known, 'alive', false))
    if (known.state !== 'alive')
      this.#clear(known, isFirst ? { kind: 'told', by: from.peer } : { kind: 'refuted', by: from.peer }, nowMs)
  }

  #hearAccusation(known: Known, firstHand: boolean, by: PeerIdString, nowMs: number): void {
    if (known.state === 'failed') return
    known.accused = known.incarnation
    const { probePeriodMs, self } = this.#init
    const isConnected = this.#host.isConnected(known.peer)
    const isSpeaking = this.#speaking.has(known.peer)
    if (known.state === 'alive' && isConnected) {
      const isFresh = nowMs - known.heardAtMs <= FRESH_PERIODS * probePeriodMs * this.health.factor
      if (isFresh) this.#probes.start(known.peer, nowMs)
      if (isFresh || !isSpeaking) return
    }
    const before = known.suspicion?.witnesses.size
    this.#doubt(known, nowMs, firstHand ? by : undefined)
    const witnesses = known.suspicion?.witnesses ?? new Set()
    if (known.state === 'alive') {
      this.#host.table.enter(known, 'suspect', { kind: 'accused', by: [by] }, nowMs)
      this.#accuse(known, 'suspect', false)
    } else if (known.why.kind === 'accused' && witnesses.size !== before && !witnesses.has(self)) {
      known.why = { kind: 'accused', by: [...witnesses] }
    }
  }

  /** @returns false for a forged one */
  #hearOfSelf(rumor: Rumor, from: Known, nowMs: number): boolean {
    const { incarnation } = this.#own
    const isOfLifeBefore = rumor.incarnation > incarnation
    if (isOfLifeBefore && !this.#isSigned(rumor)) return false
    if (isOfLifeBefore || (rumor.state !== 'alive' && rumor.incarnation === incarnation)) {
      // Who has to refute was slow to answer (Lifeguard).
      if (this.#refute(rumor.incarnation, nowMs) && !isOfLifeBefore) this.health.change(1)
    }
    if (rumor.incarnation < this.#own.incarnation && rumor.state !== 'alive') this.#voice.greet(from.peer)
    return true
  }

  #refute(accused: number, nowMs: number): boolean {
    if (!this.#own.raise(accused, nowMs)) return false
    this.#voice.spread(this.#own.rumor)
    return true
  }

  #isSigned({ peer, incarnation, signature }: Rumor): boolean {
    return signature !== undefined && this.#verify?.(peer, incarnation, signature) === true
  }

  #members(): number {
    return this.#host.table.listed.size + 1
  }

  #isListed(peer: PeerIdString): boolean {
    return this.#host.table.get(peer)?.isListed === true
  }
}
