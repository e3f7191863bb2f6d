import { setTimeout as sleep } from 'node:timers/promises'

import { WATCH_MS } from './constants.ts'

export interface LeaderSeen {
  node: string
  leader: string | null
  /** What this node itself is. */
  role: string
  peerId: string
  term: number
  appliedIndex: number
}

/**
 * Looks at every node's view of who leads, all the time: two leaders of one term are never seen, and no node's term or
 * applied index ever goes back while its process lives.
 */
export class Watch {
  readonly violations: string[] = []
  readonly #leaderOf = new Map<number, string>()
  readonly #highest = new Map<string, LeaderSeen>()
  readonly #loop: Promise<void>
  #isRunning = true
  looks = 0

  constructor(look: () => Promise<readonly (LeaderSeen & { life: number })[]>) {
    this.#loop = this.#run(look)
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    await this.#loop
  }

  /** Leaders seen, by term. */
  get terms(): ReadonlyMap<number, string> {
    return this.#leaderOf
  }

  async #run(look: () => Promise<readonly (LeaderSeen & { life: number })[]>): Promise<void> {
    while (this.#isRunning) {
      for (const seen of await look()) this.#note(seen)
      this.looks++
      await sleep(WATCH_MS)
    }
  }

  #note(seen: LeaderSeen & { life: number }): void {
    // A node whose disk refuses has no term to show.
    if (seen.term === 0) return
    if (seen.leader !== null) {
      const known = this.#leaderOf.get(seen.term)
      if (known === undefined) this.#leaderOf.set(seen.term, seen.leader)
      else if (known !== seen.leader)
        this.violations.push(`term ${seen.term} has two leaders: ${known} and ${seen.leader}, as ${seen.node} sees it`)
    }
    const key = `${seen.node}/${seen.life}`
    const before = this.#highest.get(key)
    if (before !== undefined && (seen.term < before.term || seen.appliedIndex < before.appliedIndex))
      this.violations.push(
        `${seen.node} went back from ${before.term}/${before.appliedIndex} to ${seen.term}/${seen.appliedIndex}`,
      )
    this.#highest.set(key, seen)
  }
}
