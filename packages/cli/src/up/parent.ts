import { type ErrorShape, toErrorShape } from '@vsmcp/kernel'
import type { VsmcpNode } from '@vsmcp/node'
import { DETACHED_VARIABLE } from '../constants.ts'

/** What a detached node tells the command that started it, over the channel between the two. */
export type ParentMessage = { kind: 'ready'; ready: VsmcpNode['ready'] } | { kind: 'failed'; error: ErrorShape }

export interface Parent {
  ready(ready: VsmcpNode['ready']): void
  failed(error: unknown): Promise<void>
}

/** Who waits for this node to serve, when it was started by `up --detach`. */
export function detachedChild(env: Readonly<Record<string, string | undefined>>): Parent | undefined {
  if (env[DETACHED_VARIABLE] !== '1' || process.send === undefined) return undefined
  // Not for the processes that this one starts.
  Reflect.deleteProperty(process.env, DETACHED_VARIABLE)
  return {
    ready: (ready) => void tell({ kind: 'ready', ready }),
    failed: (error) => tell({ kind: 'failed', error: toErrorShape(error) }),
  }
}

/** Tells, and lets go of the channel; a parent that is gone does not matter. */
function tell(message: ParentMessage): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (!process.connected) return Promise.resolve()
  process.send?.(message, undefined, {}, () => {
    if (process.connected) process.disconnect?.()
    resolve()
  })
  return promise
}
