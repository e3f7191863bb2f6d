import type { CallHandler, CallOptions, Clock, NoticeHandler, PeerIdString, Plane } from '@vsmcp/kernel'
import { REACH_WAIT_MS } from '../constants.ts'
import type { Members } from './members.ts'

export interface ReachingPlaneComponents {
  plane: Plane
  members: Pick<Members, 'isHearsay' | 'reach'>
  clock: Clock
}

/** A plane whose requests wait for a connection to a member that others reach: the first call to it is what its dial was kept for. */
export class ReachingPlane implements Plane {
  readonly #c: ReachingPlaneComponents

  constructor(components: ReachingPlaneComponents) {
    this.#c = components
  }

  call(peer: PeerIdString, method: string, payload: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    const { plane, members } = this.#c
    // Nothing more on the hot path.
    return members.isHearsay(peer) ? this.#reached(peer, method, payload, options) : plane.call(peer, method, payload, options)
  }

  notify(peer: PeerIdString, method: string, payload: Uint8Array): boolean {
    return this.#c.plane.notify(peer, method, payload)
  }

  handle(method: string, handler: CallHandler): void {
    this.#c.plane.handle(method, handler)
  }

  onNotice(method: string, handler: NoticeHandler): void {
    this.#c.plane.onNotice(method, handler)
  }

  async #reached(peer: PeerIdString, method: string, payload: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    const { plane, members, clock } = this.#c
    const sinceMs = clock.monotonicMs()
    await members.reach(peer, Math.min(options.deadlineMs, REACH_WAIT_MS), options.signal)
    // What the connection took is gone from the time of the call.
    return plane.call(peer, method, payload, { ...options, deadlineMs: options.deadlineMs - (clock.monotonicMs() - sinceMs) })
  }
}
