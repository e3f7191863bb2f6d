import { encodeOperation, type Operation } from '@vsmcp/consensus'
import { ask } from './attempt.ts'
import type { Host } from './host.ts'
import type { Life } from './life.ts'

/** Proposes at a process, which refuses unless it leads. */
export function propose(
  life: Life,
  host: Host,
  operation: Operation,
  then: Parameters<Life['watch']['await']>[2] = () => {},
): boolean {
  return ask(host, (raft) => {
    const proposed = raft.propose(encodeOperation(operation))
    life.watch.await(host, proposed, then)
  })
}
