import { VsmcpError } from '@vsmcp/kernel'

/** What a peer sent is no message of the membership protocol, or speaks in another's name. */
export class InvalidMembershipMessageError extends VsmcpError {
  readonly code = 'VSMCP_MEMBERSHIP_MESSAGE_INVALID'
}
