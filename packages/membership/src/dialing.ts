import { backoffMs, type PeerIdString, type Random } from '@vsmcp/kernel'
import { Agenda } from './agenda.ts'
import { ADDRESSES_MAX, YIELD_KNOWN_MS } from './constants.ts'
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
}

/** When to dial whom again: at once when a connection is lost, then with jittered back-off, for ever. */
export class Dialing {
  readonly #init: DialingInit
  readonly #random: Random
  readonly #lines = new Map<PeerIdString, Line>()
  readonly #due = new Agenda<PeerIdString>()
  /** When a dial under way counts as timed out. */
  readonly #ends = new Agenda<PeerIdString>()
  #underWay = 0
  /** Peers that a connection stands with. */
  #connected = 0

  constructor(init: DialingInit, random: Random) {
    this.#init = init
    this.#random = random
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
    this.#due.delete(peer)
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
    this.#connected--
    // At once, unless that was tried already and did not last either.
    if (!line.isGone) this.#plan(peer, line, nowMs + (line.attempts <= 1 ? this.#yieldTo(peer) : this.#backoff(line)))
  }

  succeeded(peer: PeerIdString, nowMs: number): void {
    const line = this.#lines.get(peer)
    if (line === undefined || !this.#end(peer, line)) return
    // `connected` comes with the hello; should it not, the dial is tried again.
    if (line.connectedAtMs === undefined && !line.isGone) this.#plan(peer, line, nowMs + this.#backoff(line))
  }

  /** @returns whether it says anything of the peer */
  failed(peer: PeerIdString, nowMs: number): boolean {
    const line = this.#lines.get(peer)
    if (line === undefined || !this.#end(peer, line) || line.connectedAtMs !== undefined || line.isGone) return false
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
    const soonestMs = Math.max(nowMs + this.#yieldToNew(peer), line.dialedAtMs + this.#init.redialBaseMs)
    // What could not be dialed for want of an address has waited for nobody's dial.
    this.#plan(peer, line, before.length === 0 ? soonestMs : Math.min(line.dialAtMs, soonestMs))
  }

  tick(nowMs: number): DialEffect[] {
    for (let peer = this.#ends.take(nowMs); peer !== undefined; peer = this.#ends.take(nowMs)) this.failed(peer, nowMs)
    const effects: DialEffect[] = []
    while (this.#underWay < this.#init.dialsMax) {
      const peer = this.#due.take(nowMs)
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
    const due = this.#underWay < this.#init.dialsMax ? this.#due.nextAtMs() : undefined
    return end === undefined || due === undefined ? (end ?? due) : Math.min(end, due)
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
    if (atMs === undefined || line.isDialing || line.addresses.length === 0) this.#due.delete(peer)
    else this.#due.set(peer, atMs)
  }

  /** @returns whether a dial was under way */
  #end(peer: PeerIdString, line: Line): boolean {
    if (!line.isDialing) return false
    line.isDialing = false
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
   * Whoever is connected to somebody is known to the others as they are to it: the lower one is about to dial, or dialing, and
   * a second connection would cost both what the first does.
   */
  #yieldToNew(peer: PeerIdString): number {
    return this.#connected > 0 && this.#init.self > peer ? Math.max(this.#init.yieldMs, YIELD_KNOWN_MS) : this.#yieldTo(peer)
  }

  #backoff({ attempts }: Line): number {
    const { redialBaseMs, redialMaxMs } = this.#init
    return backoffMs(Math.max(0, attempts - 1), this.#random, { baseMs: redialBaseMs, maxMs: redialMaxMs })
  }
}

function bounded(addresses: readonly string[]): readonly string[] {
  return [...new Set(addresses)].slice(0, ADDRESSES_MAX)
}
