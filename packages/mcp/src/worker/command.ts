import { fileURLToPath } from 'node:url'
import { InvalidArgumentError } from '@vsmcp/kernel'
import type { UnitSource } from '../contract.ts'
import { THREAD_MEMORY_MAX_MB, THREAD_MEMORY_MIN_MB, THREADS_MAX } from './constants.ts'
import { hostOptionsSchema } from './contract.ts'

/** The bundle puts another address here: scripts/lib/bundle.ts. */
const HOST = fileURLToPath(new URL('./host.ts', import.meta.url))

/**
 * A worker unit as what it is to the node: a server that is started by a command.
 * @throws `InvalidArgumentError` for bounds that cannot be
 */
export function commandOf({
  module,
  threads,
  threadMemoryMb,
  env,
  cwd,
}: Extract<UnitSource, { kind: 'worker' }>): Extract<UnitSource, { kind: 'stdio' }> {
  const options = hostOptionsSchema.safeParse({ module, threads, threadMemoryMb })
  if (!options.success) {
    throw new InvalidArgumentError(`a worker unit of ${threads} threads with ${threadMemoryMb} MiB each cannot be`, {
      hint: `Threads are 1 to ${THREADS_MAX}, and the memory of each ${THREAD_MEMORY_MIN_MB} to ${THREAD_MEMORY_MAX_MB} MiB.`,
    })
  }
  return { kind: 'stdio', command: process.execPath, args: [HOST, JSON.stringify(options.data)], env, cwd }
}
