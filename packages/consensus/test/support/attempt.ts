import { ConfigurationRefusedError, ConsensusBusyError, NotLeaderError, TransferRefusedError } from '../../src/index.ts'

/** Does what the protocol may refuse. */
export function attempt(act: () => void): void {
  try {
    act()
  } catch (error) {
    const expected =
      error instanceof NotLeaderError ||
      error instanceof ConsensusBusyError ||
      error instanceof ConfigurationRefusedError ||
      error instanceof TransferRefusedError
    if (!expected) throw error
  }
}
