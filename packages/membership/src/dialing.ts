import { backoffMs, type PeerIdString, type Random } from '@vsmcp/kernel'
import { Agenda, earliest } from './agenda.ts'
import { ADDRESSES_MAX, HEARSAY_MS, PACE_FACTOR, PACE_MAX_MS, YIELD_KNOWN_MS, YIELD_VOUCHED_MS } from './constants.ts'
import type { DialEffect, MembershipInit } from './contract.ts'

export type DialingInit = Required<
  Pick<MembershipInit, 'self' | 'redialBaseMs' | 'redialMaxMs' | 'dialsMax' | 'dialTimeoutMs' | 'yieldMs' | 'lastingMs'>
>

interface Line {
  addresses: readonly string[]
  attempts: number
  connectedAtMs: number | undefined
  /** A dial of ours is under way; it holds its place until it is reported on, for it costs a socket. */
  isDialing: boolean
  /** When the next dial is due; undefined while connected, dialing, or gone for good. */
  dialAtMs: number | undefined
  /** When the last dial began. */
  dialedAtMs: number
  /** It left the group. */
  isGone: boolean
  /** Others reach it. */
  isVouched: boolean
}

/**
 * When to dial whom: at once who is needed or lost, then with jittered back-off, for ever. Whom others reach, and nothing here waits
 * for, is dialed one after the other, with pauses as long as dials take here and now: what a whole group does at once when it
 * starts, everybody would wait for.
 */
export class Dialing {
  readonly #init: DialingInit
  readonly #random: Random
  readonly #lines = new Map<PeerIdString, Line>()
  readonly #due = new Agenda<PeerIdString>()
  /** From when on those may be dialed that others reach. */
  readonly #vouched = new Agenda<PeerIdString>()
  /** Of the dials under way those that could wait. */
  readonly #unhurried = new Set<PeerIdString>()
  /** Who is not to wait, whoever else reaches it. */
  #needed: ReadonlySet<PeerIdString> = new Set()
  /** Nobody is dialed before that whom others reach. */
  #pausedUntilMs = Number.NEGATIVE_INFINITY
  /** How long the last dial took; before the first, as long as the first pause of redialing. */
  #dialMs: number
  #lagMs = 0
  /** When a dial under way counts as timed out. */
  readonly #ends = new Agenda<PeerIdString>()
  #underWay = 0
  /** Peers that a connection stands with. */
  #connected = 0

  constructor(init: DialingInit, random: Random) {
    this.#init = init
    this.#random = random
    this.#dialMs = init.redialBaseMs
  }

  add(peer: PeerIdString, addresses: readonly string[], nowMs: number): void {
    const connectedAtMs = this.#lines.get(peer)?.connectedAtMs
    this.remove(peer)
    const line: Line = {
      addresses: bounded(addresses),
      attempts: 0,
      connectedAtMs,
      isDialing: false,
      dialAtMs: undefined,
      dialedAtMs: Number.NEGATIVE_INFINITY,
      isGone: false,
      isVouched: false,
    }
    this.#lines.set(peer, line)
    if (connectedAtMs !== undefined) this.#connected++
    else this.#plan(peer, line, nowMs + this.#yieldToNew(peer))
  }

  remove(peer: PeerIdString): void {
    const line = this.#lines.get(peer)
    if (line === undefined) return
    this.#end(peer, line)
    if (line.connectedAtMs !== undefined) this.#connected--
    this.#plan(peer, line, undefined)
    this.#lines.delete(peer)
  }

  /** It left: not dialed any more. */
  stop(peer: PeerIdString): void {
    const line = this.#lines.get(peer)
    if (line === undefined) return
    line.isGone = true
    this.#end(peer, line)
    this.#plan(peer, line, undefined)
  }

  connected(peer: PeerIdString, nowMs: number): void {
    const line = this.#lines.get(peer)
    if (line === undefined) return
    if (line.connectedAtMs === undefined) this.#connected++
    line.connectedAtMs ??= nowMs
    line.isGone = false
    this.#plan(peer, line, undefined)
  }

  disconnected(peer: PeerIdString, nowMs: number): void {
    const line = this.#lines.get(peer)
    if (line?.connectedAtMs === undefined) return
    if (nowMs - line.connectedAtMs >= this.#init.lastingMs) line.attempts = 0
    line.connectedAtMs = undefined
    line.isVouched = false
    this.#connected--
    // At once, unless that was tried already and did not last either.
    if (!line.isGone) this.#plan(peer, line, nowMs + (line.attempts <= 1 ? this.#yieldTo(peer) : this.#backoff(line)))
  }

  succeeded(peer: PeerIdString, nowMs: number): void {
    const line = this.#lines.get(peer)
    if (line === undefined || !this.#end(peer, line, nowMs)) return
    // `connected` comes with the hello; should it not, the dial is tried again.
    if (line.connectedAtMs === undefined && !line.isGone) this.#plan(peer, line, nowMs + this.#backoff(line))
  }

  /** @returns whether it says anything of the peer */
  failed(peer: PeerIdString, nowMs: number): boolean {
    const line = this.#lines.get(peer)
    if (line === undefined || !this.#end(peer, line, nowMs) || line.connectedAtMs !== undefined || line.isGone) return false
    this.#plan(peer, line, nowMs + this.#backoff(line))
    return true
  }

  learned(peer: PeerIdString, addresses: readonly string[], nowMs: number): void {
    const line = this.#lines.get(peer)
    if (line === undefined) return
    const before = line.addresses
    // The newest first: a restarted peer is where it says it is now.
    line.addresses = bounded([...addresses, ...before])
    const news = line.addresses.some((address) => !before.includes(address))
    if (!news || line.dialAtMs === undefined) return
    // Not faster than the first back-off, however often somebody sends other addresses.
    const yieldMs = this.#canWait(peer, line) ? this.#yieldVouched(peer) : this.#yieldToNew(peer)
    const soonestMs = Math.max(nowMs + yieldMs, line.dialedAtMs + this.#init.redialBaseMs)
    // What could not be dialed for want of an address has waited for nobody's dial.
    this.#plan(peer, line, before.length === 0 ? soonestMs : Math.min(line.dialAtMs, soonestMs))
  }

  /** Whether others reach it, or so they say: then its first dial can wait. */
  vouched(peer: PeerIdString, isVouched: boolean, nowMs: number): void {
    const line = this.#lines.get(peer)
    if (line === undefined || line.isVouched === isVouched) return
    const couldWait = this.#canWait(peer, line)
    line.isVouched = isVouched
    if (line.dialAtMs === undefined || couldWait === this.#canWait(peer, line)) return
    if (couldWait) this.#plan(peer, line, nowMs + this.#yieldTo(peer))
    else {
      // What is said of many at once comes first.
      if (this.#vouched.nextAtMs() === undefined) this.#pause(nowMs)
      this.#plan(peer, line, nowMs + this.#yieldVouched(peer))
    }
  }

  /** Something waits for a connection to it: dialed now, but not faster than the first back-off. */
  wanted(peer: PeerIdString, nowMs: number): void {
    const line = this.#lines.get(peer)
    if (line?.dialAtMs === undefined) return
    line.isVouched = false
    const soonestMs = Math.max(nowMs, line.dialedAtMs + this.#init.redialBaseMs)
    this.#plan(peer, line, Math.min(line.dialAtMs, soonestMs))
  }

  /** From now on these are dialed as if nobody else reached them; only these. */
  need(peers: ReadonlySet<PeerIdString>, nowMs: number): void {
    const before = this.#needed
    this.#needed = peers
    for (const peer of peers) {
      const line = before.has(peer) ? undefined : this.#lines.get(peer)
      // Had it not been needed, it would wait.
      if (line?.dialAtMs !== undefined && this.#vouched.has(peer)) this.#plan(peer, line, nowMs + this.#yieldTo(peer))
    }
  }

  lagMeasured(lagMs: number): void {
    this.#lagMs = lagMs
  }

  tick(nowMs: number): DialEffect[] {
    for (let peer = this.#ends.take(nowMs); peer !== undefined; peer = this.#ends.take(nowMs)) this.failed(peer, nowMs)
    const effects: DialEffect[] = []
    while (this.#underWay < this.#init.dialsMax) {
      const peer = this.#due.take(nowMs) ?? this.#takeVouched(nowMs)
      const line = peer === undefined ? undefined : this.#lines.get(peer)
      if (peer === undefined || line === undefined) break
      line.dialAtMs = undefined
      line.isDialing = true
      line.dialedAtMs = nowMs
      this.#underWay++
      this.#ends.set(peer, nowMs + this.#init.dialTimeoutMs)
      effects.push({ type: 'dial', peer, addresses: line.addresses, attempt: line.attempts++ })
    }
    return effects
  }

  nextTickAtMs(): number | undefined {
    const end = this.#ends.nextAtMs()
    // With all dials taken, the end of one of them gives the next its turn.
    if (this.#underWay >= this.#init.dialsMax) return end
    const vouchedAtMs = this.#mayTakeVouched() ? this.#vouched.nextAtMs() : undefined
    const unhurriedAtMs = vouchedAtMs === undefined ? undefined : Math.max(vouchedAtMs, this.#pausedUntilMs)
    return earliest(end, this.#due.nextAtMs(), unhurriedAtMs)
  }

  of(peer: PeerIdString): { addresses: readonly string[]; attempts: number; isConnected: boolean } {
    const line = this.#lines.get(peer)
    if (line === undefined) return { addresses: [], attempts: 0, isConnected: false }
    return { addresses: line.addresses, attempts: line.attempts, isConnected: line.connectedAtMs !== undefined }
  }

  isConnected(peer: PeerIdString): boolean {
    return this.#lines.get(peer)?.connectedAtMs !== undefined
  }

  #plan(peer: PeerIdString, line: Line, atMs: number | undefined): void {
    line.dialAtMs = atMs
    const [here, there] = this.#canWait(peer, line) ? [this.#vouched, this.#due] : [this.#due, this.#vouched]
    there.delete(peer)
    if (atMs === undefined || line.isDialing || line.addresses.length === 0) here.delete(peer)
    else here.set(peer, atMs)
  }

  /** Once it was dialed, its back-off says when it is dialed again. */
  #canWait(peer: PeerIdString, { isVouched, attempts }: Line): boolean {
    return isVouched && attempts === 0 && !this.#needed.has(peer)
  }

  /** Half of all dials are kept for who cannot wait. */
  #mayTakeVouched(): boolean {
    return this.#unhurried.size < Math.max(1, this.#init.dialsMax / 2)
  }

  #takeVouched(nowMs: number): PeerIdString | undefined {
    if (nowMs < this.#pausedUntilMs || !this.#mayTakeVouched()) return undefined
    const peer = this.#vouched.take(nowMs)
    if (peer === undefined) return undefined
    this.#unhurried.add(peer)
    this.#pause(nowMs)
    return peer
  }

  /** As long as a dial takes, and as much again; nodes that pause together do not go on together. */
  #pause(nowMs: number): void {
    const meanMs = Math.min(PACE_MAX_MS, PACE_FACTOR * (this.#dialMs + this.#lagMs))
    this.#pausedUntilMs = nowMs + (0.5 + this.#random.next()) * meanMs
  }

  /** @returns whether a dial was under way */
  #end(peer: PeerIdString, line: Line, nowMs?: number): boolean {
    if (!line.isDialing) return false
    if (nowMs !== undefined) this.#dialMs = nowMs - line.dialedAtMs
    line.isDialing = false
    this.#unhurried.delete(peer)
    this.#underWay--
    this.#ends.delete(peer)
    this.#plan(peer, line, line.dialAtMs)
    return true
  }

  /** The lower PeerId dials first, so that two nodes that lose each other do not dial at the same moment. */
  #yieldTo(peer: PeerIdString): number {
    return this.#init.self < peer ? 0 : this.#init.yieldMs
  }

  /**
   * Whoever is connected to somebody is known to the others as they are to it, and may hear from them of the newcomer: the lower one
   * waits for that a little. The higher one waits for the lower one's dial: a second connection would cost both what the first does.
   */
  #yieldToNew(peer: PeerIdString): number {
    if (this.#connected === 0 || this.#needed.has(peer)) return this.#yieldTo(peer)
    if (this.#init.self < peer) return HEARSAY_MS + PACE_FACTOR * this.#lagMs
    return Math.max(this.#init.yieldMs, YIELD_KNOWN_MS)
  }

  #yieldVouched(peer: PeerIdString): number {
    return this.#init.self < peer ? 0 : YIELD_VOUCHED_MS
  }

  #backoff({ attempts }: Line): number {
    const { redialBaseMs, redialMaxMs } = this.#init
    return backoffMs(Math.max(0, attempts - 1), this.#random, { baseMs: redialBaseMs, maxMs: redialMaxMs })
  }
}

function bounded(addresses: readonly string[]): readonly string[] {
  return [...new Set(addresses)].slice(0, ADDRESSES_MAX)
}
