import type { CallHandler, CallOptions, NoticeHandler, PeerIdString, Plane } from '@vsmcp/kernel'
import { NotListedError } from '../errors.ts'

/**
 * A plane whose requests are served for members only, as this node's own copy of the docket lists them: a credential
 * outlives a membership. Notices pass: a voter that was away learns from its leader, whom it may not know yet.
 */
export class MemberPlane implements Plane {
  readonly #plane: Plane
  readonly #admits: (peer: PeerIdString) => boolean

  constructor(plane: Plane, admits: (peer: PeerIdString) => boolean) {
    this.#plane = plane
    this.#admits = admits
  }

  call(peer: PeerIdString, method: string, payload: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    return this.#plane.call(peer, method, payload, options)
  }

  notify(peer: PeerIdString, method: string, payload: Uint8Array): boolean {
    return this.#plane.notify(peer, method, payload)
  }

  handle(method: string, handler: CallHandler): void {
    // oxlint-disable-next-line typescript/promise-function-async -- no second promise per call on the hot path
    this.#plane.handle(method, (call) => (this.#admits(call.peer) ? handler(call) : Promise.reject(notListed(call.peer))))
  }

  onNotice(method: string, handler: NoticeHandler): void {
    this.#plane.onNotice(method, handler)
  }
}

function notListed(peer: PeerIdString): NotListedError {
  return new NotListedError(`${peer} is not listed as a member here: nothing was done for it`, {
    hint: 'If it joined a moment ago, try again; `vsmcp members` shows who is a member.',
    details: { peer },
  })
}
