import { InvalidMessageError, StateCorruptError } from '../errors.ts'
import { decodeGroupState } from '../group/group-codec.ts'
import { isObject } from '../json/json.ts'
import type { Message } from '../raft/message.ts'
import { validateMessage } from '../raft/validate-message.ts'

/**
 * Reads what a peer says about the log of an epoch, which it names in the field `epoch`: of another one nothing is heard.
 * @returns undefined for a message of another epoch, a text for one that is refused, with the reason
 */
export function readMessageOfEpoch(value: unknown, epoch: number): Message | string | undefined {
  if (epochNamedIn(value) !== epoch) return undefined
  try {
    const message = validateMessage(value)
    // Once it is stored it is too late to find out that it cannot be read.
    if (message.type === 'snapshot' && decodeGroupState(message.snapshot.data).charter.epoch !== epoch) {
      return 'a snapshot of another epoch'
    }
    return message
  } catch (error) {
    if (error instanceof InvalidMessageError || error instanceof StateCorruptError) return error.message
    throw error
  }
}

/** Releases that knew no epochs were in the first. */
function epochNamedIn(value: unknown): unknown {
  return isObject(value) && 'epoch' in value ? value['epoch'] : 1
}
