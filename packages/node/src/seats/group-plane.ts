import {
  type CallHandler,
  type CallOptions,
  InvalidArgumentError,
  type NoticeHandler,
  NotSentError,
  type PeerIdString,
  type Plane,
} from '@vsmcp/kernel'
import { NotOfGroupError } from '../errors.ts'

/** Who serves a method now: a seat that is started again takes the place of the one before. */
interface Slot<H> {
  handler: H | undefined
}

/** A plane of the process, on which the seats of several groups have their methods. */
export class SharedPlane {
  readonly plane: Plane
  readonly #calls = new Map<string, Slot<CallHandler>>()
  readonly #notices = new Map<string, Slot<NoticeHandler>>()

  constructor(plane: Plane) {
    this.plane = plane
  }

  handle(method: string, handler: CallHandler): void {
    const slot = this.#calls.get(method) ?? { handler: undefined }
    if (slot.handler !== undefined) throw new InvalidArgumentError(`${method} has a handler already`)
    slot.handler = handler
    if (this.#calls.has(method)) return
    this.#calls.set(method, slot)
    // oxlint-disable-next-line typescript/promise-function-async -- no second promise per call on the hot path
    this.plane.handle(method, (call) => slot.handler?.(call) ?? Promise.reject(noSeat(method)))
  }

  onNotice(method: string, handler: NoticeHandler): void {
    const slot = this.#notices.get(method) ?? { handler: undefined }
    if (slot.handler !== undefined) throw new InvalidArgumentError(`${method} has a notice handler already`)
    slot.handler = handler
    if (this.#notices.has(method)) return
    this.#notices.set(method, slot)
    this.plane.onNotice(method, (peer, payload) => slot.handler?.(peer, payload))
  }

  release(method: string): void {
    for (const slot of [this.#calls.get(method), this.#notices.get(method)]) if (slot !== undefined) slot.handler = undefined
  }
}

export interface GroupPlaneComponents {
  shared: SharedPlane
  /** Before the name of each method. */
  prefix: string
  /** Whether the connected peer has shown that it is a member of the group. */
  admits: (peer: PeerIdString) => boolean
  /** A member speaks. */
  heard: (peer: PeerIdString) => void
}

/** A plane of one group: its methods are apart from those of other groups on the same connections, and nobody else is served. */
export class GroupPlane implements Plane {
  readonly #c: GroupPlaneComponents
  readonly #methods = new Set<string>()

  constructor(components: GroupPlaneComponents) {
    this.#c = components
  }

  // oxlint-disable-next-line typescript/promise-function-async -- no second promise per call on the hot path
  call(peer: PeerIdString, method: string, payload: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    const { shared, prefix, admits } = this.#c
    if (admits(peer)) return shared.plane.call(peer, prefix + method, payload, options)
    const reason = `${method} was not sent: ${peer} is not connected as a member of this group`
    return Promise.reject(new NotSentError(reason, { details: { peer, method } }))
  }

  notify(peer: PeerIdString, method: string, payload: Uint8Array): boolean {
    const { shared, prefix, admits } = this.#c
    return admits(peer) && shared.plane.notify(peer, prefix + method, payload)
  }

  handle(method: string, handler: CallHandler): void {
    const { shared, prefix, admits, heard } = this.#c
    // oxlint-disable-next-line typescript/promise-function-async -- as above
    shared.handle(prefix + method, (call) => {
      if (!admits(call.peer)) return Promise.reject(notOfGroup(call.peer))
      heard(call.peer)
      return handler(call)
    })
    this.#methods.add(prefix + method)
  }

  onNotice(method: string, handler: NoticeHandler): void {
    const { shared, prefix, admits, heard } = this.#c
    shared.onNotice(prefix + method, (peer, payload) => {
      if (!admits(peer)) return
      heard(peer)
      handler(peer, payload)
    })
    this.#methods.add(prefix + method)
  }

  /** Serves nobody any more. */
  close(): void {
    for (const method of this.#methods) this.#c.shared.release(method)
    this.#methods.clear()
  }
}

function noSeat(method: string): NotSentError {
  return new NotSentError(`${method} is not served: this node has no running seat in that group`, {
    hint: 'Nothing was executed. `vsmcp status` on that node says how its seats are.',
  })
}

function notOfGroup(peer: PeerIdString): NotOfGroupError {
  return new NotOfGroupError(`${peer} has not shown that it is a member of this group: nothing was done for it`, {
    hint: 'If it was let in a moment ago, try again.',
    details: { peer },
  })
}
