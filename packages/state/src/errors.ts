import { VsmcpError } from '@vsmcp/kernel'

/** A value is too large for a shared record or a hint. */
export class StateTooLargeError extends VsmcpError {
  readonly code = 'VSMCP_STATE_TOO_LARGE'
}

/** The group's document has no room for another record. */
export class StateFullError extends VsmcpError {
  readonly code = 'VSMCP_STATE_FULL'
}

/** This node may not write that key: it belongs to somebody else. */
export class StateNotOwnerError extends VsmcpError {
  readonly code = 'VSMCP_STATE_NOT_OWNER'
}

/** Yjs failed on an update, or took too long: somebody, not always the sender, forged what it builds on. */
export class StateConflictError extends VsmcpError {
  readonly code = 'VSMCP_STATE_CONFLICT'
}

/** A peer sent something that is not a document update, breaks a bound, or comes from no member. */
export class StateRejectedError extends VsmcpError {
  readonly code = 'VSMCP_STATE_REJECTED'
}
