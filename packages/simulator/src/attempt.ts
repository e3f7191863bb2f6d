import {
  ConfigurationRefusedError,
  ConsensusBusyError,
  NotEndorsedError,
  NotLeaderError,
  type RaftNode,
  TransferRefusedError,
} from '@vsmcp/consensus'
import { InvalidArgumentError } from '@vsmcp/kernel'
import type { Host } from './host.ts'

/** The last is what a change of voters that leaves none is refused with before it is proposed. */
const EXPECTED = [
  ConfigurationRefusedError,
  ConsensusBusyError,
  NotEndorsedError,
  NotLeaderError,
  TransferRefusedError,
  InvalidArgumentError,
]

/** Does what the protocol may refuse. @returns whether it did not */
export function attempt(act: () => void): boolean {
  try {
    act()
    return true
  } catch (error) {
    if (!EXPECTED.some((kind) => error instanceof kind)) throw error
    return false
  }
}

/** Asks a process for something that it may refuse; one that is stopped or dead does not hear it. @returns whether it did it */
export function ask(host: Host, act: (raft: RaftNode) => void): boolean {
  return host.isDeciding && !host.paused && attempt(() => host.input(act))
}
