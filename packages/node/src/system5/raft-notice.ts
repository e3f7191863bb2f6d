import { decodeGroupState, InvalidMessageError, type Message, StateCorruptError, validateMessage } from '@vsmcp/consensus'
import { pack, unpack } from 'msgpackr'

/** What nodes say to one another about the log of one epoch, as carried on the control plane. */
export function packRaftNotice(message: Message, epoch: number): Uint8Array {
  return pack({ ...message, epoch })
}

/** @returns undefined for a notice of another epoch, a text for one that is refused, with the reason */
export function readRaftNotice(payload: Uint8Array, epoch: number): Message | string | undefined {
  try {
    const packed: unknown = unpack(payload)
    if (epochOf(packed) !== epoch) return undefined
    const message = validateMessage(packed)
    // Once it is stored it is too late to find out that it cannot be read.
    if (message.type === 'snapshot' && decodeGroupState(message.snapshot.data).charter.epoch !== epoch) {
      return 'a snapshot of another epoch'
    }
    return message
  } catch (error) {
    const isTold = error instanceof InvalidMessageError || error instanceof StateCorruptError
    return isTold ? error.message : 'it cannot be decoded'
  }
}

/** Releases that knew no epochs were in the first. */
function epochOf(packed: unknown): unknown {
  return typeof packed === 'object' && packed !== null && 'epoch' in packed ? packed.epoch : 1
}
