import { type Message, readMessageOfEpoch } from '@vsmcp/consensus'
import { pack, unpack } from 'msgpackr'

/** What nodes say to one another about the log of one epoch, as carried on the control plane. */
export function packRaftNotice(message: Message, epoch: number): Uint8Array {
  return pack({ ...message, epoch })
}

/** @returns undefined for a notice of another epoch, a text for one that is refused, with the reason */
export function readRaftNotice(payload: Uint8Array, epoch: number): Message | string | undefined {
  let packed: unknown
  try {
    packed = unpack(payload)
  } catch {
    return 'it cannot be decoded'
  }
  return readMessageOfEpoch(packed, epoch)
}
