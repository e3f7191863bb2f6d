import { BusyError, type PeerIdString } from '@vsmcp/kernel'
import { ASKED_BY_MEMBER_BYTES_MAX, ASKED_BY_MEMBER_MAX } from '../constants.ts'

interface Asked {
  count: number
  bytes: number
}

/** What System 5 is being asked by each member: none takes so much of the log's room that others, or its own eviction, have to wait. */
export class AskingMembers {
  readonly #asked = new Map<PeerIdString, Asked>()

  /** Throws `BusyError`: whoever asks so much at once asks again. */
  async during<T>(peer: PeerIdString, bytes: number, work: () => Promise<T>): Promise<T> {
    const asked = this.#asked.get(peer) ?? { count: 0, bytes: 0 }
    if (asked.count >= ASKED_BY_MEMBER_MAX || asked.bytes + bytes > ASKED_BY_MEMBER_BYTES_MAX) {
      throw new BusyError(`${peer} asks System 5 for ${asked.count} things already`)
    }
    this.#asked.set(peer, asked)
    asked.count++
    asked.bytes += bytes
    try {
      return await work()
    } finally {
      asked.count--
      asked.bytes -= bytes
      if (asked.count === 0) this.#asked.delete(peer)
    }
  }
}
