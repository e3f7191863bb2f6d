import { type Cluster, MEMBERS } from './cluster.ts'

/** One attempt at a write; a survivor that has no leader yet may keep it waiting. */
export const ATTEMPT_TIMEOUT_MS = 200
/** Between attempts that were refused at once. */
const PAUSE_MS = 5
const GIVE_UP_MS = 20_000

/** Asks all members but the one struck, from now on, until an entry is committed. @returns how long that took, milliseconds */
export async function committedWithout(cluster: Cluster, struck: number, struckAt: number): Promise<number> {
  const survivors = Array.from({ length: MEMBERS }, (_, member) => member).filter((member) => member !== struck)
  const done = new AbortController()
  const all = survivors.map((member) => committedAt(cluster, member, struckAt, done.signal))
  try {
    return await Promise.race(all)
  } finally {
    done.abort()
    await Promise.allSettled(all)
  }
}

async function committedAt(cluster: Cluster, member: number, struckAt: number, done: AbortSignal): Promise<number> {
  while (!done.aborted) {
    try {
      await cluster.write(member, ATTEMPT_TIMEOUT_MS)
      return performance.now() - struckAt
    } catch (error) {
      if (performance.now() - struckAt > GIVE_UP_MS) throw error
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }
  return Number.POSITIVE_INFINITY
}
