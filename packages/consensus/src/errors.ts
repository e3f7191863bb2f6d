import type { PeerIdString } from '@vsmcp/kernel'
import { VsmcpError } from '@vsmcp/kernel'

/** Only a leader does this. `leader` is whom to ask, when known. */
export class NotLeaderError extends VsmcpError {
  readonly code = 'VSMCP_CONSENSUS_NOT_LEADER'
  readonly leader: PeerIdString | undefined

  constructor(what: string, leader: PeerIdString | undefined) {
    super(
      leader === undefined ? `${what} needs a leader, and none is known` : `${what} is for the leader, which is ${leader}`,
      leader === undefined
        ? { hint: 'Wait until a leader is elected; when that does not happen, too few voters are reachable.' }
        : { hint: `Ask ${leader}.`, details: { leader } },
    )
    this.leader = leader
  }
}

/** A bound was reached, or leadership is being handed over: the proposal or read was refused, nothing was done. */
export class ConsensusBusyError extends VsmcpError {
  readonly code = 'VSMCP_CONSENSUS_BUSY'
}

/** An entry or snapshot is larger than its bound. */
export class TooLargeError extends VsmcpError {
  readonly code = 'VSMCP_CONSENSUS_TOO_LARGE'
}

/** The change of configuration cannot be made, or not now. */
export class ConfigurationRefusedError extends VsmcpError {
  readonly code = 'VSMCP_CONSENSUS_CONFIGURATION_REFUSED'
}

/** A change of voters lacks the endorsement of a majority of the voters (rule 5). */
export class NotEndorsedError extends VsmcpError {
  readonly code = 'VSMCP_CONSENSUS_NOT_ENDORSED'
}

/** The transfer of leadership cannot be made. */
export class TransferRefusedError extends VsmcpError {
  readonly code = 'VSMCP_CONSENSUS_TRANSFER_REFUSED'
}

/** What a peer sent is no message of the protocol. */
export class InvalidMessageError extends VsmcpError {
  readonly code = 'VSMCP_CONSENSUS_MESSAGE_INVALID'
}

/** What was read from disk or from a snapshot contradicts itself. */
export class StateCorruptError extends VsmcpError {
  readonly code = 'VSMCP_CONSENSUS_STATE_CORRUPT'
}
