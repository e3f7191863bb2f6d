import { NoNodeError } from '@vsmcp/api'
import { NodeRunningError } from './errors.ts'
import type { Session } from './session.ts'

/** For commands that need the data directory to themselves. Throws `NodeRunningError`. */
export async function refuseWhileRunning({ node, dataDir }: Session, hint: string): Promise<void> {
  try {
    await node.status()
  } catch (error) {
    if (error instanceof NoNodeError) return
    throw error
  }
  throw new NodeRunningError(`a node is running on ${dataDir}`, { hint })
}
