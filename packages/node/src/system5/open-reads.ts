import type { PeerIdString } from '@vsmcp/kernel'
import { lostProposal } from './open-proposals.ts'

interface Open {
  resolve: (index: number) => void
  reject: (error: unknown) => void
}

/** What was asked of a quorum and is not answered yet, by the context it was asked with. The Raft node bounds how many there are. */
export class OpenReads {
  readonly #self: PeerIdString
  readonly #open = new Map<string, Open>()
  #count = 0

  constructor(self: PeerIdString) {
    this.#self = self
  }

  /** A context that no other read of this node has. */
  nextContext(): string {
    return `${this.#self}:${++this.#count}`
  }

  add(context: string): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.#open.set(context, { resolve, reject })
    return promise
  }

  confirmed(context: string, index: number): void {
    this.#open.get(context)?.resolve(index)
    this.#open.delete(context)
  }

  /** The leader that was to confirm it is none any more. */
  lost(context: string): void {
    this.#open.get(context)?.reject(lostProposal())
    this.#open.delete(context)
  }

  abandon(error: unknown): void {
    for (const { reject } of this.#open.values()) reject(error)
    this.#open.clear()
  }
}
