import type { TreeEntry } from '@vsmcp/kernel'
import type { PartView } from './contract.ts'

/** A tree as a list, each above what is below it. */
export function partsOf({ id, state, restart, restarts, lastError, strategy, mailbox, children = [] }: TreeEntry): PartView[] {
  const below = children.flatMap((child) => partsOf(child))
  return [
    {
      path: [id],
      state,
      strategy: strategy ?? null,
      restart,
      restarts,
      lastError: lastError ?? null,
      mailbox: mailbox ?? null,
    },
    ...below.map((part) => ({ ...part, path: [id, ...part.path] })),
  ]
}
