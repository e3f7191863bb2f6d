import { type Clock, type PeerIdString, type Timer } from '@vsmcp/kernel'
import { applyAwarenessUpdate, Awareness, encodeAwarenessUpdate, removeAwarenessStates } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { CLOCK_MAX, HINT_BYTES_MAX, HINT_CHECK_MS, HINT_LIFE_MS, HINT_RENEWAL_MS } from './constants.ts'
import { depthWithin } from './envelope.ts'
import { StateRejectedError, StateTooLargeError } from './errors.ts'
import type { JsonValue } from './index.ts'
import { decodeAwareness } from './wire.ts'

export interface HintsComponents {
  self: PeerIdString
  intervalMs: number
  clock: Clock
  isMember: (peer: PeerIdString) => boolean
  publish: (update: Uint8Array) => void
  onChanged: (peers: readonly PeerIdString[]) => void
}

interface HintState {
  peer: PeerIdString
  hint: JsonValue
}

/** A hint as awareness carries it, with the name of its peer around it. Bytes. */
const STATE_BYTES_MAX = HINT_BYTES_MAX + 512
const HINT_DEPTH_MAX = 16

/**
 * Hints by y-protocols' awareness: told at once and again every 15 s, forgotten after 30 s of silence. Each peer speaks
 * for itself alone, under one client id. Awareness' own timer is replaced by one of this node's clock.
 */
export class Hints {
  readonly #components: HintsComponents
  readonly #awareness: Awareness
  /** Under which client id each peer spoke last, and when. */
  readonly #heard = new Map<PeerIdString, { client: number; atMs: number }>()
  /** Runs while there is anything to say again or to forget. */
  #check: Timer | undefined
  #saidAtMs = 0
  #timer: Timer | undefined
  #lastSentMs = Number.NEGATIVE_INFINITY
  #stopped = false

  constructor(components: HintsComponents) {
    this.#components = components
    this.#awareness = new Awareness(new Y.Doc())
    clearInterval(this.#awareness._checkInterval as NodeJS.Timeout)
    this.#awareness.setLocalState(null)
    this.#awareness.on('update', (_changes: unknown, origin: unknown) => {
      if (origin !== 'local') return
      this.#saidAtMs = components.clock.monotonicMs()
      this.#watch()
      this.#send()
    })
    this.#awareness.on('change', (changes: Record<'added' | 'updated' | 'removed', number[]>) => this.#tell(changes))
  }

  set(hint: JsonValue): void {
    if (hint !== null && Buffer.byteLength(JSON.stringify(hint)) > HINT_BYTES_MAX) {
      throw new StateTooLargeError(`a hint is over ${HINT_BYTES_MAX} bytes`, {
        hint: 'Put what is large or lasting into a record.',
      })
    }
    if (hint === null && this.#awareness.getLocalState() === null) return
    const state: HintState = { peer: this.#components.self, hint }
    this.#awareness.setLocalState(hint === null ? null : state)
  }

  all(): ReadonlyMap<PeerIdString, JsonValue> {
    const hints = new Map<PeerIdString, JsonValue>()
    const { self, isMember } = this.#components
    for (const state of this.#awareness.getStates().values()) {
      const { peer, hint } = state as unknown as HintState
      if (peer === self || isMember(peer)) hints.set(peer, hint)
    }
    return hints
  }

  /** Throws `StateRejectedError` for what is no hint of its author's own. */
  receive(from: PeerIdString, update: Uint8Array): void {
    const [entry] = decodeAwareness(update, 1)
    if (entry === undefined) return
    const { client, clock, state } = entry
    if (client === this.#awareness.clientID || clock > CLOCK_MAX || state.length > STATE_BYTES_MAX) {
      throw new StateRejectedError('a hint is beyond its bounds')
    }
    const parsed = parseState(state)
    const isOthers = [...this.#heard].some(([peer, known]) => known.client === client && peer !== from)
    if (isOthers || (parsed !== null && parsed.peer !== from)) throw new StateRejectedError('a hint speaks for somebody else')
    const before = this.#heard.get(from)?.client
    if (parsed === null && before !== client) return
    this.#heard.set(from, { client, atMs: this.#components.clock.monotonicMs() })
    this.#watch()
    applyAwarenessUpdate(this.#awareness, update, from)
    if (before !== undefined && before !== client) this.#forget(before)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#awareness.setLocalState(null) // a last word: gone
    this.#stopped = true
    this.#check?.cancel()
    this.#awareness.destroy()
    this.#awareness.doc.destroy()
  }

  /** Says what still holds, forgets those of whom nothing was heard. */
  #lookAtClock(): void {
    const now = this.#components.clock.monotonicMs()
    const local = this.#awareness.getLocalState()
    if (local !== null && now - this.#saidAtMs >= HINT_RENEWAL_MS) this.#awareness.setLocalState(local)
    for (const [peer, { client, atMs }] of this.#heard) {
      if (now - atMs < HINT_LIFE_MS) continue
      this.#forget(client)
      this.#heard.delete(peer)
    }
    this.#watch()
  }

  #watch(): void {
    const isIdle = this.#heard.size === 0 && this.#awareness.getLocalState() === null
    if (this.#stopped || isIdle || this.#check !== undefined) return
    this.#check = this.#components.clock.after(HINT_CHECK_MS, () => {
      this.#check = undefined
      this.#lookAtClock()
    })
  }

  /** The peer is silent, or has begun anew under another client id. */
  #forget(client: number): void {
    removeAwarenessStates(this.#awareness, [client], 'superseded')
    this.#awareness.meta.delete(client)
  }

  #send(): void {
    if (this.#stopped || this.#timer !== undefined) return
    const { clock, intervalMs, publish } = this.#components
    const now = clock.monotonicMs()
    const isGone = this.#awareness.getLocalState() === null
    const send = (): void => {
      this.#timer = undefined
      this.#lastSentMs = clock.monotonicMs()
      publish(encodeAwarenessUpdate(this.#awareness, [this.#awareness.clientID]))
    }
    const waitMs = this.#lastSentMs + intervalMs - now
    if (isGone || waitMs <= 0) send()
    else this.#timer = clock.after(waitMs, send)
  }

  #tell({ added, updated, removed }: Record<'added' | 'updated' | 'removed', number[]>): void {
    if (this.#stopped) return
    const changed = new Set([...added, ...updated, ...removed])
    const { self } = this.#components
    const peers = [...this.#heard].filter(([, { client }]) => changed.has(client)).map(([peer]) => peer)
    if (changed.has(this.#awareness.clientID)) peers.push(self)
    if (peers.length > 0) this.#components.onChanged(peers)
  }
}

function parseState(text: string): HintState | null {
  let state: unknown
  try {
    state = JSON.parse(text)
  } catch (cause) {
    throw new StateRejectedError('a hint is not JSON', { cause })
  }
  if (state === null) return null
  if (typeof state !== 'object' || !('peer' in state) || typeof state.peer !== 'string' || !('hint' in state)) {
    throw new StateRejectedError('a hint is not of the form that hints have')
  }
  if (!depthWithin(state.hint, HINT_DEPTH_MAX)) throw new StateRejectedError('a hint is nested too deeply')
  return { peer: state.peer, hint: state.hint as JsonValue }
}
