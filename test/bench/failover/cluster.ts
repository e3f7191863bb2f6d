/** Where members run when not plainly on this machine's loopback: each on a host of its own, with an address. */
export interface Hosts {
  addressOf(member: number): string
  /** What runs a command line there. */
  at(member: number): [string, ...string[]]
}

/** Three members that replicate a log, ours or another's, as the failover bench sees them. */
export interface Cluster {
  /** Until all members are there, follow one leader and are in step. @returns the leader's place */
  settled(): Promise<number>
  /** The member's process now: to be killed, stopped and woken by signals. */
  pidOf(member: number): number
  /** One attempt to have a fresh entry committed, asked of this member. Rejects when it did not work within `timeoutMs`. */
  write(member: number, timeoutMs: number): Promise<void>
  /** Starts a killed member again. */
  revive(member: number): Promise<void>
  stop(): Promise<void>
}

export const MEMBERS = 3

/** Nobody needs so long; a member that does is broken, and the bench says so. */
const SETTLE_TIMEOUT_MS = 30_000
const POLL_MS = 25

/** Asks until there is an answer. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const until = performance.now() + SETTLE_TIMEOUT_MS
  let last: unknown
  while (performance.now() < until) {
    const answer = await ask().catch((error: unknown) => {
      last = error
      return undefined
    })
    if (answer !== undefined) return answer
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  throw new Error(`${what}: not within ${SETTLE_TIMEOUT_MS} ms`, { cause: last })
}
