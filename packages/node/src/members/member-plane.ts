import type { CallHandler, CallOptions, NoticeHandler, PeerIdString, Plane } from '@vsmcp/kernel'
import { CredentialOverError, NotListedError } from '../errors.ts'

/**
 * A plane whose requests are served for members only, as this node's own copy of the docket lists them: a credential
 * outlives a membership. Notices pass: a voter that was away learns from its leader, whom it may not know yet.
 */
export class MemberPlane implements Plane {
  readonly #plane: Plane
  readonly #admits: (peer: PeerIdString) => boolean
  readonly #isInForce: (peer: PeerIdString) => boolean

  /** @param isInForce whether a member's credential is good for more than its renewal */
  constructor(plane: Plane, admits: (peer: PeerIdString) => boolean, isInForce: (peer: PeerIdString) => boolean = () => true) {
    this.#plane = plane
    this.#admits = admits
    this.#isInForce = isInForce
  }

  call(peer: PeerIdString, method: string, payload: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    return this.#plane.call(peer, method, payload, options)
  }

  notify(peer: PeerIdString, method: string, payload: Uint8Array): boolean {
    return this.#plane.notify(peer, method, payload)
  }

  handle(method: string, handler: CallHandler): void {
    // oxlint-disable-next-line typescript/promise-function-async -- no second promise per call on the hot path
    this.#plane.handle(method, (call) =>
      this.#admits(call.peer) && this.#isInForce(call.peer) ? handler(call) : Promise.reject(this.#refusal(call.peer)),
    )
  }

  #refusal(peer: PeerIdString): Error {
    if (!this.#admits(peer)) return notListed(peer)
    return new CredentialOverError(`the credential of ${peer} is over: nothing but its renewal is done for it`, {
      hint: 'A node renews its credential by itself while a majority of the voters can be reached: see `vsmcp status` there.',
      details: { peer },
    })
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
